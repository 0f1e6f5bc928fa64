/* Driver of a LEGO device; lego_driver.h says how to use it. */

#ifdef LEGO_BOARD
#include LEGO_BOARD
#endif

#include "lego_driver.h"

#ifdef LEGO_COHERENT
#define LEGO_CACHE_CLEAN(address, bytes) ((void)(address), (void)(bytes))
#define LEGO_CACHE_INVALIDATE(address, bytes) ((void)(address), (void)(bytes))
#endif
#if !defined(LEGO_CACHE_CLEAN) || !defined(LEGO_CACHE_INVALIDATE)
#error "define LEGO_CACHE_CLEAN and LEGO_CACHE_INVALIDATE, or LEGO_COHERENT if the device sees the caches"
#endif
#ifndef LEGO_READ
#define LEGO_READ(address) (*(const volatile uint32_t *)(address))
#endif
#ifndef LEGO_WRITE
#define LEGO_WRITE(address, word) ((void)(*(volatile uint32_t *)(address) = (word)))
#endif
#ifndef LEGO_FENCE
#ifdef __GNUC__
#define LEGO_FENCE() __sync_synchronize()
#else
#error "define LEGO_FENCE"
#endif
#endif

/* Address, value and field of a register; `value` isn't shifted yet. */
#define AT(device, name) ((device)->base + offsetof(lego_control_t, name))
#define GET(device, name) LEGO_READ(AT(device, name))
#define PUT(device, name, word) LEGO_WRITE(AT(device, name), word)
#define ELEMENT(device, name, k) (AT(device, name) + sizeof(uint32_t) * (k))
#define BITS(field, value) ((uint32_t)(value) << LEGO_CONTROL__##field##_bp & (uint32_t)LEGO_CONTROL__##field##_bm)
#define FIT(field, value) ((value) >> LEGO_CONTROL__##field##_bw == 0)

static uint64_t joined(uint32_t high, uint32_t low) { return (uint64_t)high << 32 | low; }

static int is_busy(const lego_device *device)
{
    return (GET(device, STATUS) & LEGO_CONTROL__STATUS__BUSY_bm) != 0;
}

lego_result lego_probe(lego_device *device, uintptr_t base)
{
    device->base = base;
    if (GET(device, ID) != LEGO_CONTROL__ID__MAGIC_reset)
        return LEGO_NO_DEVICE;
    if (GET(device, VERSION) != (BITS(VERSION__PROGRAM, LEGO_CONTROL__VERSION__PROGRAM_reset)
                                 | BITS(VERSION__DEVICE, LEGO_CONTROL__VERSION__DEVICE_reset)))
        return LEGO_OTHER_VERSION;
    return GET(device, CHIP) == LEGO_CONTROL__CHIP__HASH_reset ? LEGO_OK : LEGO_OTHER_CHIP;
}

lego_result lego_set_segment(const lego_device *device, unsigned segment, uint64_t base, uint32_t bytes)
{
    if (segment >= LEGO_SEGMENTS || base % LEGO_BASE_ALIGNMENT != 0)
        return LEGO_BAD_ARGUMENT;
    if (is_busy(device))
        return LEGO_BUSY;
    LEGO_WRITE(ELEMENT(device, SEGMENT_BASE_LOW, segment), (uint32_t)(base & 0xffffffffu));
    LEGO_WRITE(ELEMENT(device, SEGMENT_BASE_HIGH, segment), (uint32_t)(base >> 32));
    LEGO_WRITE(ELEMENT(device, SEGMENT_LIMIT, segment), bytes);
    return LEGO_OK;
}

lego_result lego_set_program(const lego_device *device, unsigned segment, uint32_t offset)
{
    if (segment >= LEGO_SEGMENTS || offset % LEGO_OFFSET_ALIGNMENT != 0)
        return LEGO_BAD_ARGUMENT;
    if (is_busy(device))
        return LEGO_BUSY;
    PUT(device, PROGRAM_SEGMENT, segment);
    PUT(device, PROGRAM_OFFSET, offset);
    return LEGO_OK;
}

lego_result lego_set_parameter(const lego_device *device, unsigned parameter, uint32_t value)
{
    if (parameter >= LEGO_PARAMETERS)
        return LEGO_BAD_ARGUMENT;
    if (is_busy(device))
        return LEGO_BUSY;
    LEGO_WRITE(ELEMENT(device, PARAMETER, parameter), value);
    return LEGO_OK;
}

lego_result lego_set_watchdog(const lego_device *device, uint32_t cycles)
{
    if (is_busy(device))
        return LEGO_BUSY;
    PUT(device, WATCHDOG, cycles);
    return LEGO_OK;
}

lego_result lego_set_attributes(const lego_device *device, unsigned cache, unsigned prot, unsigned qos)
{
    if (!FIT(AXI_ATTRIBUTES__CACHE, cache) || !FIT(AXI_ATTRIBUTES__PROT, prot) || !FIT(AXI_ATTRIBUTES__QOS, qos))
        return LEGO_BAD_ARGUMENT;
    if (is_busy(device))
        return LEGO_BUSY;
    PUT(device, AXI_ATTRIBUTES,
        BITS(AXI_ATTRIBUTES__CACHE, cache) | BITS(AXI_ATTRIBUTES__PROT, prot) | BITS(AXI_ATTRIBUTES__QOS, qos));
    return LEGO_OK;
}

lego_result lego_set_interrupts(const lego_device *device, uint32_t sources)
{
    if ((sources & ~(uint32_t)(LEGO_IRQ_DONE | LEGO_IRQ_COMMAND | LEGO_IRQ_ERROR)) != 0)
        return LEGO_BAD_ARGUMENT;
    PUT(device, IRQ_MASK, sources);
    return LEGO_OK;
}

void lego_to_device(const void *address, size_t bytes)
{
    LEGO_CACHE_CLEAN(address, bytes);
    LEGO_FENCE();
}

void lego_from_device(void *address, size_t bytes)
{
    LEGO_FENCE();
    LEGO_CACHE_INVALIDATE(address, bytes);
}

lego_result lego_start(const lego_device *device)
{
    const uint32_t refused = LEGO_CONTROL__STATUS__REFUSED_bm;
    if (is_busy(device))
        return LEGO_BUSY;
    PUT(device, STATUS, refused);
    LEGO_FENCE();
    PUT(device, CONTROL, LEGO_CONTROL__CONTROL__DOORBELL_bm);
    return (GET(device, STATUS) & refused) == 0 ? LEGO_OK : LEGO_BUSY;
}

lego_result lego_poll(const lego_device *device)
{
    const uint32_t status = GET(device, STATUS);
    if ((status & LEGO_CONTROL__STATUS__BUSY_bm) != 0)
        return LEGO_BUSY;
    if ((status & LEGO_CONTROL__STATUS__ERROR_bm) != 0)
        return LEGO_STOPPED;
    return (status & LEGO_CONTROL__STATUS__DONE_bm) != 0 ? LEGO_OK : LEGO_IDLE;
}

lego_result lego_wait(const lego_device *device, uint32_t polls)
{
    while (polls-- > 0) {
        const lego_result found = lego_poll(device);
        if (found != LEGO_BUSY)
            return found;
    }
    return LEGO_TIMEOUT;
}

uint32_t lego_interrupt(const lego_device *device)
{
    const uint32_t sources = GET(device, IRQ_STATUS) & GET(device, IRQ_MASK);
    PUT(device, IRQ_STATUS, sources);
    return sources;
}

lego_failure lego_error(const lego_device *device)
{
    lego_failure found;
    found.code = GET(device, ERROR) & LEGO_CONTROL__ERROR__CODE_bm;
    found.index = GET(device, ERROR_INDEX);
    found.address = joined(GET(device, ERROR_ADDRESS_HIGH), GET(device, ERROR_ADDRESS_LOW));
    return found;
}

const char *lego_error_name(uint32_t code)
{
    static const char *const names[] = {
        "none", "magic", "version", "chip", "length", "check", "opcode",
        "register", "range", "align", "read", "write", "watchdog", "aborted",
    };
    return code < sizeof names / sizeof names[0] ? names[code] : "unknown";
}

/* The counter goes on between two reads: the high half must be the same before and after. */
static uint64_t cycles_of(const lego_device *device)
{
    uint32_t high = GET(device, CYCLES_HIGH);
    uint32_t low = GET(device, CYCLES_LOW);
    const uint32_t again = GET(device, CYCLES_HIGH);
    if (again != high) {
        high = again;
        low = GET(device, CYCLES_LOW);
    }
    return joined(high, low);
}

lego_progress lego_get_progress(const lego_device *device)
{
    lego_progress found;
    found.cycles = cycles_of(device);
    found.waits_semaphore = GET(device, STALLS_SEMAPHORE);
    found.waits_bus = GET(device, STALLS_BUS);
    found.waits_queue = GET(device, STALLS_QUEUE);
    found.command = GET(device, COMMAND_INDEX);
    for (unsigned k = 0; k < LEGO_ENGINES; k++)
        found.engines[k] = LEGO_READ(ELEMENT(device, ENGINE_INDEX, k));
    found.semaphores = joined(GET(device, SEMAPHORES_HIGH), GET(device, SEMAPHORES_LOW));
    return found;
}

void lego_abort(const lego_device *device)
{
    PUT(device, CONTROL, LEGO_CONTROL__CONTROL__ABORT_bm);
}

lego_result lego_reset(const lego_device *device, uint32_t polls)
{
    PUT(device, CONTROL, LEGO_CONTROL__CONTROL__SOFT_RESET_bm);
    while (polls-- > 0) {
        if (!is_busy(device))
            return LEGO_OK;
    }
    return LEGO_TIMEOUT;
}
