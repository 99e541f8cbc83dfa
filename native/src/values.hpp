// Values of JavaScript to values of the plane, and back. JavaScript thread only. What index.ts checks is
// taken as it is here.
#pragma once
#include <napi.h>

#include <string>
#include <vector>

#include "forwarder.hpp"
#include "up.hpp"

namespace vnet {

uint32_t number(const Napi::Object& from, const char* name);
std::string text(const Napi::Object& from, const char* name);
// Throws PlaneError for what is no 48-bit number.
uint64_t mac(const Napi::Value& value);
std::vector<uint64_t> macs(const Napi::Value& value);
std::vector<uint32_t> numbers(const Napi::Value& value);
FlowEntry flowEntry(const Napi::Object& from);
FlowScope flowScope(const Napi::Object& from);
// Throws PlaneError for an address that is no literal, and for an id or secret of the wrong length.
LinkConfig linkConfig(const Napi::Object& from);
Train train(const Napi::Object& from);
EchoRequest echoRequest(const Napi::Object& from);

Napi::Value missValue(Napi::Env env, const FlowMiss& miss);
Napi::Value eventValue(Napi::Env env, const Event& event);
Napi::Value snapshotValue(Napi::Env env, const Snapshot& snapshot);
// An Arrivals of core/data-plane.ts; undefined when there are none.
Napi::Value arrivalsValue(Napi::Env env, const ArrivalColumns& arrivals);

}  // namespace vnet
