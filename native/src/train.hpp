// A TRAIN message: one packet of a train, as docs/wire.md has it. Pure: octets in, octets out.
//
//   train 4 | place 2 | packets 2 | zeros up to the size
#pragma once
#include <cstddef>
#include <cstdint>

#include "bytes.hpp"

namespace vnet {

constexpr size_t TRAIN_BODY = 8;
constexpr uint16_t TRAIN_PACKETS = 256;  // TRAIN_PACKETS_MAX of core/data-plane.ts

struct TrainPlace {
  uint32_t train = 0;  // never 0
  uint16_t place = 0;  // from 0
  uint16_t packets = 0;
};

inline void writeTrain(uint8_t* body, const TrainPlace& at) {
  store32(body, at.train);
  store16(body + 4, at.place);
  store16(body + 6, at.packets);
}

// False: too short, or a place outside a train of a size that there is.
inline bool readTrain(const uint8_t* body, size_t length, TrainPlace& out) {
  if (length < TRAIN_BODY) return false;
  out = {load32(body), load16(body + 4), load16(body + 6)};
  return out.train != 0 && out.packets <= TRAIN_PACKETS && out.place < out.packets;
}

}  // namespace vnet
