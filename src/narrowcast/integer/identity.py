"""What a board says of itself: what it holds, by its digest, and the words of its frames.

The answer has 16 bytes (``docs/boards.md``, "Identity"). It is a constant of the design.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from narrowcast.integer.model import IntegerModel, Tensor

PROTOCOL = 1
SIZE = 16
ATTEMPTS = 3  # how often a host asks before a question counts as unanswered
_DIGEST_BYTES = 8
_WORD_COUNTS = 1 << 16  # counts of words are modulo this


def word_bytes(tensors: Sequence[Tensor]) -> int:
    """Return the bytes of each word of a stream between a host and a board."""
    return -(-max(tensor.bits for tensor in tensors) // 8)


def check_byte(content: bytes) -> bytes:
    """Return the byte with which the bytes of a content sum up to a multiple of 256."""
    return bytes([-sum(content) % 256])


@dataclass(frozen=True)
class Identity:
    """The answer of a board to the question what it is.

    Attributes:
        digest: The first 8 bytes of the digest that names the model, or the engine if a host loads
            the weights.
        input_words: Words of an inference's inputs, modulo 65536.
        output_words: Words of its results, modulo 65536.
        input_bytes: Bytes of each word of the inputs.
        output_bytes: Bytes of each word of the results.
        states: Whether the model has states.
        state_access: Whether a host can read them and put them back.
        loads_weights: Whether a host loads the weights.
        protocol: Version of the protocol.
    """

    digest: bytes
    input_words: int
    output_words: int
    input_bytes: int
    output_bytes: int
    states: bool
    state_access: bool
    loads_weights: bool = False
    protocol: int = PROTOCOL

    @classmethod
    def of(
        cls, model: IntegerModel, sha256: str, *, state_access: bool, loads_weights: bool = False
    ) -> "Identity":
        """Return the identity of a board with a model.

        Args:
            model: The model.
            sha256: The digest that names it, or the engine if a host loads the weights, in
                hexadecimal.
            state_access: Whether its design has state access.
            loads_weights: Whether a host loads the weights.
        """
        return cls(
            digest=bytes.fromhex(sha256)[:_DIGEST_BYTES],
            input_words=model.input_words % _WORD_COUNTS,
            output_words=model.output_words % _WORD_COUNTS,
            input_bytes=word_bytes(model.input_tensors),
            output_bytes=word_bytes(model.output_tensors),
            states=bool(model.states),
            state_access=state_access,
            loads_weights=loads_weights,
        )

    def pack(self) -> bytes:
        """Return the bytes of the answer."""
        content = b"".join(
            (
                bytes([self.protocol]),
                self.digest,
                self.input_words.to_bytes(2, "little"),
                self.output_words.to_bytes(2, "little"),
                bytes([self.input_bytes | self.output_bytes << 4]),
                bytes([self.states | self.state_access << 1 | self.loads_weights << 2]),
            )
        )
        return content + check_byte(content)

    @classmethod
    def unpack(cls, answer: bytes) -> "Identity":
        """Return what an answer says.

        Raises:
            ValueError: It is no answer of a board: its length or its check byte is wrong.
        """
        if len(answer) != SIZE or sum(answer) % 256:
            raise ValueError(f"{answer.hex(' ')} is no identity of {SIZE} bytes with a check byte")
        return cls(
            protocol=answer[0],
            digest=answer[1:9],
            input_words=int.from_bytes(answer[9:11], "little"),
            output_words=int.from_bytes(answer[11:13], "little"),
            input_bytes=answer[13] & 15,
            output_bytes=answer[13] >> 4,
            states=bool(answer[14] & 1),
            state_access=bool(answer[14] & 2),
            loads_weights=bool(answer[14] & 4),
        )
