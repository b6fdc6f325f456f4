from mutations import check_texts


def test_every_fault_belongs_to_this_tree() -> None:
    """Which test catches each fault is what ``python tests/mutations.py`` shows."""
    check_texts()
