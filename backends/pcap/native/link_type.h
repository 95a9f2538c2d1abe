// Link types: what a capture handle answers (DLT_, numbered differently by each system below 104)
// as what capture files and batches hold (LINKTYPE_, the same everywhere).
#pragma once

#include <pcap/pcap.h>

#include <cstdint>

#include "contract.h"

namespace bricks {

inline uint32_t LinkTypeOf(int dlt) {
  switch (dlt) {
    case DLT_ATM_RFC1483: return 100;
    case DLT_RAW: return kLinkTypeRaw;
    case DLT_SLIP_BSDOS: return 102;
    case DLT_PPP_BSDOS: return 103;
    case DLT_ATM_CLIP: return 106;
    default: return static_cast<uint32_t>(dlt);
  }
}

// The way back, for compiling filters.
inline int DltOf(uint32_t linkType) {
  switch (linkType) {
    case 100: return DLT_ATM_RFC1483;
    case kLinkTypeRaw: return DLT_RAW;
    case 102: return DLT_SLIP_BSDOS;
    case 103: return DLT_PPP_BSDOS;
    case 106: return DLT_ATM_CLIP;
    default: return static_cast<int>(linkType);
  }
}

}  // namespace bricks
