// An open-addressing table with linear probing and backward-shift deletion. Entries live in a slab and do not
// move, so a pointer to a value holds until that entry is erased or evicted. Bounded: at its limit, the clock
// hand evicts an entry not used since it last passed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace vnet {

template <class Key, class Value>
class Table {
 public:
  explicit Table(size_t limit) : limit_(limit), index_(64, 0) {}

  size_t size() const { return size_; }

  Value* find(const Key& key) {
    const size_t mask = index_.size() - 1;
    const uint64_t hash = key.hash();
    for (size_t i = hash & mask; index_[i] != 0; i = (i + 1) & mask) {
      Slot& slot = slab_[index_[i] - 1];
      if (slot.hash == hash && slot.key == key) {
        slot.touched = true;
        return &slot.value;
      }
    }
    return nullptr;
  }

  // `key` must be absent. evicted(key, value) is told before an entry goes to make room.
  template <class Evicted>
  Value& insert(const Key& key, Evicted&& evicted) {
    if (size_ >= limit_) evictOne(evicted);
    if ((size_ + 1) * 2 > index_.size()) grow();
    uint32_t at;
    if (!free_.empty()) {
      at = free_.back();
      free_.pop_back();
    } else {
      at = static_cast<uint32_t>(slab_.size());
      slab_.emplace_back();
    }
    Slot& slot = slab_[at];
    slot.key = key;
    slot.hash = key.hash();
    slot.value = Value{};
    slot.used = slot.touched = true;
    place(at);
    size_++;
    return slot.value;
  }
  Value& insert(const Key& key) {
    return insert(key, [](const Key&, Value&) {});
  }

  bool erase(const Key& key) {
    const size_t mask = index_.size() - 1;
    const uint64_t hash = key.hash();
    for (size_t i = hash & mask; index_[i] != 0; i = (i + 1) & mask) {
      const Slot& slot = slab_[index_[i] - 1];
      if (slot.hash == hash && slot.key == key) {
        eraseIndex(i);
        return true;
      }
    }
    return false;
  }

  template <class Visit>
  void each(Visit&& visit) {
    for (Slot& slot : slab_)
      if (slot.used) visit(slot.key, slot.value);
  }

  template <class Predicate>
  void eraseIf(Predicate&& predicate) {
    for (Slot& slot : slab_)
      if (slot.used && predicate(slot.key, slot.value)) erase(Key(slot.key));
  }

 private:
  struct Slot {
    Key key{};
    Value value{};
    uint64_t hash = 0;
    bool used = false;
    bool touched = false;
  };

  void place(uint32_t at) {
    const size_t mask = index_.size() - 1;
    size_t i = slab_[at].hash & mask;
    while (index_[i] != 0) i = (i + 1) & mask;
    index_[i] = at + 1;
  }

  void grow() {
    index_.assign(index_.size() * 2, 0);
    for (uint32_t at = 0; at < slab_.size(); at++)
      if (slab_[at].used) place(at);
  }

  void eraseIndex(size_t hole) {
    const uint32_t at = index_[hole] - 1;
    slab_[at].used = false;
    slab_[at].value = Value{};
    free_.push_back(at);
    size_--;
    const size_t mask = index_.size() - 1;
    size_t i = hole;
    for (;;) {
      i = (i + 1) & mask;
      if (index_[i] == 0) break;
      const size_t home = slab_[index_[i] - 1].hash & mask;
      if (((i - home) & mask) >= ((i - hole) & mask)) {
        index_[hole] = index_[i];
        hole = i;
      }
    }
    index_[hole] = 0;
  }

  template <class Evicted>
  void evictOne(Evicted&& evicted) {
    for (;; hand_++) {
      if (hand_ >= slab_.size()) hand_ = 0;
      Slot& slot = slab_[hand_];
      if (!slot.used) continue;
      if (slot.touched) {
        slot.touched = false;
        continue;
      }
      evicted(slot.key, slot.value);
      erase(Key(slot.key));
      return;
    }
  }

  size_t limit_;
  size_t size_ = 0;
  size_t hand_ = 0;
  std::vector<uint32_t> index_;  // 0: empty; otherwise the slab's place plus one
  std::deque<Slot> slab_;
  std::vector<uint32_t> free_;
};

}  // namespace vnet
