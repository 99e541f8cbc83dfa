// What Wren asks of the plane, and what it is told (see values.hpp).
#include <cstring>

#include "values.hpp"

namespace vnet {

Train train(const Napi::Object& from) {
  Train out;
  out.link = number(from, "link");
  out.number = number(from, "train");
  out.sizes = numbers(from.Get("sizes"));
  const auto gaps = from.Get("gapsNs").As<Napi::Array>();
  for (uint32_t i = 0; i < gaps.Length(); i++)
    out.gapsNs.push_back(static_cast<uint64_t>(gaps.Get(i).ToNumber().DoubleValue()));
  return out;
}

EchoRequest echoRequest(const Napi::Object& from) {
  return {number(from, "echo"),    number(from, "port"),         number(from, "network"),
          mac(from.Get("source")), mac(from.Get("destination")), number(from, "bytes")};
}

template <class Array, class Item>
static Napi::Value column(Napi::Env env, const std::vector<Item>& values) {
  auto out = Array::New(env, values.size());
  std::memcpy(out.Data(), values.data(), values.size() * sizeof(Item));
  return out;
}

Napi::Value arrivalsValue(Napi::Env env, const ArrivalColumns& arrivals) {
  if (arrivals.rows() == 0) return env.Undefined();
  auto out = Napi::Object::New(env);
  out.Set("rows", static_cast<double>(arrivals.rows()));
  out.Set("link", column<Napi::Uint32Array>(env, arrivals.link));
  out.Set("run", column<Napi::Uint32Array>(env, arrivals.run));
  out.Set("train", column<Napi::Uint32Array>(env, arrivals.train));
  out.Set("trainPackets", column<Napi::Uint32Array>(env, arrivals.trainPackets));
  out.Set("sequence", column<Napi::Uint32Array>(env, arrivals.sequence));
  out.Set("bytes", column<Napi::Uint32Array>(env, arrivals.bytes));
  out.Set("sentNs", column<Napi::Float64Array>(env, arrivals.sentNs));
  out.Set("arrivedNs", column<Napi::Float64Array>(env, arrivals.arrivedNs));
  return out;
}

}  // namespace vnet
