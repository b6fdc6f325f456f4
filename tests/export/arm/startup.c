/* Starts main() on a Cortex-M under qemu, measures the last inference, and ends the simulation by
   semihosting. Prints the ticks of 2000 instructions and those of the inference, and exits with
   what main() returns. In qemu with -icount, each instruction takes the same time. */
#include <stddef.h>
#include <stdint.h>

extern uint32_t data_begin[], data_end[], data_source[], bss_begin[], bss_end[], stack_top[];
int main(void);
void start(void);
void __real_model_infer(const void *inputs, void *outputs);
void __wrap_model_infer(const void *inputs, void *outputs);

#define SYSTICK ((volatile uint32_t *)0xE000E010u) /* control, reload, value */

static uint32_t ticks; /* of the last inference; 0: too many to be counted */

static void begin(void)
{
    SYSTICK[1] = 0xFFFFFFu;
    SYSTICK[2] = 0;
    SYSTICK[0] = 5u;
}

static uint32_t passed(void)
{
    const uint32_t left = SYSTICK[2];
    return (SYSTICK[0] & 0x10000u) != 0 ? 0 : 0xFFFFFFu - left;
}

void __wrap_model_infer(const void *inputs, void *outputs)
{
    begin();
    __real_model_infer(inputs, outputs);
    ticks = passed();
}

static uint32_t ticks_of_2000(void)
{
    uint32_t count = 1000;
    begin();
    __asm__ volatile(".syntax unified\n1: subs %0, #1\n bne 1b" : "+l"(count) : : "cc");
    return passed();
}

static void semihost(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

/* What the compiler calls for loops that copy and fill. */
void *memcpy(void *to, const void *from, size_t size)
{
    char *t = to;
    const char *f = from;
    while (size-- > 0) {
        *t++ = *f++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    char *t = to;
    const char *f = from;
    if (t <= f) {
        return memcpy(to, from, size);
    }
    while (size-- > 0) {
        t[size] = f[size];
    }
    return to;
}

void *memset(void *to, int value, size_t size)
{
    char *t = to;
    while (size-- > 0) {
        *t++ = (char)value;
    }
    return to;
}

static void print(uint32_t number)
{
    char text[] = "0000000000\n";
    size_t digit = 10;

    while (digit-- > 0) {
        text[digit] = (char)('0' + number % 10u);
        number /= 10u;
    }
    semihost(0x04, text); /* SYS_WRITE0 */
}

void start(void)
{
    uint32_t block[2] = {0x20026u, 0};

    memcpy(data_begin, data_source, (size_t)((char *)data_end - (char *)data_begin));
    memset(bss_begin, 0, (size_t)((char *)bss_end - (char *)bss_begin));
    block[1] = (uint32_t)main();
    print(ticks_of_2000());
    print(ticks);
    semihost(0x20, block); /* SYS_EXIT_EXTENDED */
}

static void fault(void)
{
    static const uint32_t block[2] = {0x20026u, 99u};
    semihost(0x20, block);
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_top, (const void *)start, (const void *)fault, (const void *)fault,
};
