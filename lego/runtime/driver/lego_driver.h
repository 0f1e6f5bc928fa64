/* Driver of a LEGO device: C99 for bare metal, without a library.

   It needs lego_control.h, which is written with the design. lego_driver.c is told of the board by a header of
   yours, -DLEGO_BOARD='"board.h"', that defines

     LEGO_CACHE_CLEAN(address, bytes)        writes what the caches hold of a buffer to memory
     LEGO_CACHE_INVALIDATE(address, bytes)   drops what the caches hold of a buffer
     or LEGO_COHERENT                        if the device sees what the caches hold

   and, where these don't fit,

     LEGO_READ(address), LEGO_WRITE(address, word)   access to a register of 32 bits; pointers to volatile
     LEGO_FENCE()                                    orders accesses to memory and to registers

   Functions of one device may not run at the same time, but for lego_interrupt(), which belongs into the handler
   of the interrupt. None waits without a limit. */

#ifndef LEGO_DRIVER_H
#define LEGO_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#include "lego_control.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LEGO_SEGMENTS LEGO_CONTROL__CAPABILITY__SEGMENTS_reset
#define LEGO_PARAMETERS (sizeof(((lego_control_t *)0)->PARAMETER) / sizeof(uint32_t))
#define LEGO_ENGINES LEGO_CONTROL__CAPABILITY__ENGINES_reset
#define LEGO_BASE_ALIGNMENT 64u
#define LEGO_OFFSET_ALIGNMENT 16u

/* Sources of interrupts. */
#define LEGO_IRQ_DONE LEGO_CONTROL__IRQ_MASK__DONE_bm
#define LEGO_IRQ_COMMAND LEGO_CONTROL__IRQ_MASK__COMMAND_bm
#define LEGO_IRQ_ERROR LEGO_CONTROL__IRQ_MASK__ERROR_bm

typedef enum {
    LEGO_OK = 0,
    LEGO_BUSY,          /* a program runs */
    LEGO_IDLE,          /* no program was started since the reset */
    LEGO_STOPPED,       /* an error stopped the program: lego_error() */
    LEGO_TIMEOUT,       /* the limit was reached; the program goes on */
    LEGO_NO_DEVICE,     /* there is no device at this address */
    LEGO_OTHER_VERSION, /* its registers or programs are of another version */
    LEGO_OTHER_CHIP,    /* it isn't the chip that lego_control.h was written for */
    LEGO_BAD_ARGUMENT   /* out of range, or not aligned */
} lego_result;

/* Why a program was stopped. */
typedef enum {
    LEGO_ERROR_NONE = 0,
    LEGO_ERROR_MAGIC,      /* what was to run is no program */
    LEGO_ERROR_VERSION,    /* the program is of another version */
    LEGO_ERROR_CHIP,       /* the program is for another chip */
    LEGO_ERROR_LENGTH,     /* the program has no end, or loops are nested wrongly */
    LEGO_ERROR_CHECK,      /* a word of the program was changed */
    LEGO_ERROR_OPCODE,     /* no such command */
    LEGO_ERROR_REGISTER,   /* no such register of an engine */
    LEGO_ERROR_RANGE,      /* an access outside of its segment */
    LEGO_ERROR_ALIGN,      /* an address that isn't aligned */
    LEGO_ERROR_READ,       /* the bus answered a read with an error */
    LEGO_ERROR_WRITE,      /* the bus answered a write with an error */
    LEGO_ERROR_WATCHDOG,   /* too many cycles without progress */
    LEGO_ERROR_ABORTED     /* lego_abort() */
} lego_error_code;

/* A device, by the address of its registers. */
typedef struct {
    uintptr_t base;
} lego_device;

typedef struct {
    uint32_t code;    /* lego_error_code */
    uint32_t index;   /* of the command word in the program */
    uint64_t address; /* of errors of the bus and of segments */
} lego_failure;

/* Of the running or the last program. */
typedef struct {
    uint64_t cycles;
    uint32_t waits_semaphore; /* cycles in which the device waited, by cause */
    uint32_t waits_bus;
    uint32_t waits_queue;
    uint32_t command;         /* index of the command that is dispatched next */
    uint32_t engines[LEGO_ENGINES]; /* words that each engine has taken */
    uint64_t semaphores;      /* 16 values of 4 bits */
} lego_progress;

/* Find a device: LEGO_OK, LEGO_NO_DEVICE, LEGO_OTHER_VERSION or LEGO_OTHER_CHIP. */
lego_result lego_probe(lego_device *device, uintptr_t base);

/* Settings. LEGO_BUSY while a program runs; they stay for further programs. */

/* Memory that a program sees as a segment: `base`, a multiple of 64, as the device's bus has it; `bytes` 0 closes it. */
lego_result lego_set_segment(const lego_device *device, unsigned segment, uint64_t base, uint32_t bytes);
/* Where the next program is: bytes from the start of a segment, a multiple of 16. */
lego_result lego_set_program(const lego_device *device, unsigned segment, uint32_t offset);
lego_result lego_set_parameter(const lego_device *device, unsigned parameter, uint32_t value);
/* Cycles without progress that are an error; 0: no limit. */
lego_result lego_set_watchdog(const lego_device *device, uint32_t cycles);
/* AxCACHE, AxPROT and AxQOS of the device's accesses to memory. */
lego_result lego_set_attributes(const lego_device *device, unsigned cache, unsigned prot, unsigned qos);

/* Sources that raise the interrupt, of LEGO_IRQ_*; at any time. */
lego_result lego_set_interrupts(const lego_device *device, uint32_t sources);

/* Before a program runs: its words and what it reads are to be in memory. */
void lego_to_device(const void *address, size_t bytes);
/* After it has run and before its results are read. Also before it runs, if the buffer was written to. */
void lego_from_device(void *address, size_t bytes);

/* Start the program: LEGO_OK, or LEGO_BUSY, and then the program that runs goes on. */
lego_result lego_start(const lego_device *device);

/* LEGO_OK: the last program reached its end. LEGO_BUSY, LEGO_STOPPED, LEGO_IDLE. */
lego_result lego_poll(const lego_device *device);
/* Poll at most so many times; LEGO_TIMEOUT if a program still runs. */
lego_result lego_wait(const lego_device *device, uint32_t polls);
/* In the handler of the interrupt: the sources that raised it, of LEGO_IRQ_*, which are cleared. */
uint32_t lego_interrupt(const lego_device *device);

/* Why the last program was stopped. */
lego_failure lego_error(const lego_device *device);
/* A word for a lego_error_code. */
const char *lego_error_name(uint32_t code);
lego_progress lego_get_progress(const lego_device *device);

/* End the program early; lego_wait() then says LEGO_STOPPED, unless it had just ended. */
void lego_abort(const lego_device *device);
/* End the program and clear state, error, counters and interrupts; settings stay. LEGO_TIMEOUT if it still
   runs after so many polls. */
lego_result lego_reset(const lego_device *device, uint32_t polls);

#ifdef __cplusplus
}
#endif

#endif
