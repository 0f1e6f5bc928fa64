// Put before cocotb's main program: SAIF is recorded only while the bench says so.
#pragma once
#include "verilated_saif_c.h"

static bool s_recording = false;

extern "C" void record_activity(unsigned char on) { s_recording = on; }

class ActivityRecorder final : public VerilatedSaifC {
    uint64_t m_elapsed = 0;  // simulated time that was recorded

public:
    void dump(uint64_t) {
        if (s_recording) VerilatedSaifC::dump(m_elapsed++);
    }
};

#define VerilatedSaifC ActivityRecorder
