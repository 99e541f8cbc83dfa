#include "values.hpp"

#include <cstring>

namespace vnet {

uint32_t number(const Napi::Object& from, const char* name) {
  return from.Get(name).ToNumber().Uint32Value();
}
uint64_t mac(const Napi::Value& value) {
  const double number = value.ToNumber().DoubleValue();
  if (!(number >= 0 && number < 281474976710656.0))
    throw PlaneError("VNET_ERR_INVALID", "a MAC address is a number below 2^48");
  return static_cast<uint64_t>(number);
}
std::string text(const Napi::Object& from, const char* name) { return from.Get(name).ToString().Utf8Value(); }

std::vector<uint64_t> macs(const Napi::Value& value) {
  const auto list = value.As<Napi::Array>();
  std::vector<uint64_t> out;
  for (uint32_t i = 0; i < list.Length(); i++) out.push_back(mac(list.Get(i)));
  return out;
}

std::vector<uint32_t> numbers(const Napi::Value& value) {
  const auto list = value.As<Napi::Array>();
  std::vector<uint32_t> out;
  for (uint32_t i = 0; i < list.Length(); i++) out.push_back(list.Get(i).ToNumber().Uint32Value());
  return out;
}

static Action action(const Napi::Object& from) {
  const std::string kind = text(from, "kind");
  if (kind == "port") return {ActionKind::port, Drop::noMatch, number(from, "port")};
  if (kind == "edge") return {ActionKind::edge, Drop::noMatch, number(from, "edge")};
  if (kind == "ground") return {ActionKind::ground, Drop::noMatch, 0};
  if (kind == "hold" && from.Get("port").IsNumber())
    return {ActionKind::hold, Drop::noMatch, number(from, "port"), true};
  if (kind == "hold") return {ActionKind::hold, Drop::noMatch, 0};
  const uint32_t reason = number(from, "reason");
  if (reason == 0 || reason >= DROP_COUNT)
    throw PlaneError("VNET_ERR_INVALID", std::to_string(reason) + " is not the number of a drop reason");
  return {ActionKind::drop, static_cast<Drop>(reason), 0};
}

FlowEntry flowEntry(const Napi::Object& from) {
  FlowEntry out;
  out.key = {number(from, "network"), number(from, "ingress"), mac(from.Get("source")),
             mac(from.Get("destination")), number(from, "ground") != 0};
  out.fromEpoch = number(from, "fromEpoch");
  const double to = from.Get("toEpoch").ToNumber().DoubleValue();
  out.toEpoch = to >= 4294967296.0 ? uint64_t{1} << 32 : to > 0 ? static_cast<uint64_t>(to) : 0;
  const auto list = from.Get("actions").As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) out.actions.push_back(action(list.Get(i).As<Napi::Object>()));
  return out;
}

FlowScope flowScope(const Napi::Object& from) {
  FlowScope out;
  if ((out.hasNetwork = from.Get("network").IsNumber())) out.network = number(from, "network");
  if ((out.hasSource = from.Get("source").IsNumber())) out.source = mac(from.Get("source"));
  if ((out.hasDestination = from.Get("destination").IsNumber()))
    out.destination = mac(from.Get("destination"));
  out.group = from.Get("group").ToBoolean().Value();
  if ((out.hasPort = from.Get("port").IsNumber())) out.port = number(from, "port");
  return out;
}

template <size_t N>
static void octets(const Napi::Object& from, const char* name, std::array<uint8_t, N>& out) {
  const auto bytes = from.Get(name).As<Napi::Uint8Array>();
  if (bytes.ByteLength() != N)
    throw PlaneError("VNET_ERR_INVALID", std::string(name) + " needs " + std::to_string(N) + " octets");
  std::memcpy(out.data(), bytes.Data(), N);
}

LinkConfig linkConfig(const Napi::Object& from) {
  LinkConfig out;
  out.id = number(from, "link");
  out.edge = number(from, "edge");
  out.tcp = text(from, "type") == "tcp";
  octets(from, "id", out.wireId);
  octets(from, "secret", out.secret);
  out.initiator = from.Get("initiator").ToBoolean();
  out.keepAliveNs = number(from, "keepAliveMs") * MS;
  out.deadAfterMs = number(from, "deadAfterMs");
  out.deadAfterNs = out.deadAfterMs * MS;
  out.backoffCapNs = number(from, "backoffCapMs") * MS;
  if (from.Get("dial").IsObject()) {
    const auto dial = from.Get("dial").As<Napi::Object>();
    Address address;
    if (!Address::parse(text(dial, "address"), static_cast<uint16_t>(number(dial, "port")), address))
      throw PlaneError("VNET_ERR_INVALID", "\"" + text(dial, "address") + "\" is not an IP address",
                       "dial an IPv4 or IPv6 literal");
    out.dial = address;
  }
  return out;
}

Napi::Value missValue(Napi::Env env, const FlowMiss& miss) {
  auto out = Napi::Object::New(env);
  out.Set("network", miss.key.network);
  out.Set("ground", miss.key.ground ? 1 : 0);
  out.Set("ingress", miss.key.ingress);
  out.Set("source", static_cast<double>(miss.key.source));
  out.Set("destination", static_cast<double>(miss.key.destination));
  out.Set("epoch", miss.epoch);
  return out;
}

Napi::Value eventValue(Napi::Env env, const Event& event) {
  auto out = Napi::Object::New(env);
  if (event.kind == Event::Kind::source) {
    out.Set("kind", "source");
    out.Set("port", event.id);
    out.Set("source", static_cast<double>(event.source));
    out.Set("admitted", event.yes);
    out.Set("announced", event.announced);
    return out;
  }
  if (event.kind == Event::Kind::note) {
    out.Set("kind", "note");
    out.Set("link", event.id);
    auto note = Napi::Uint8Array::New(env, event.note.size());
    if (!event.note.empty()) std::memcpy(note.Data(), event.note.data(), event.note.size());
    out.Set("note", note);
    return out;
  }
  if (event.kind == Event::Kind::echo) {
    out.Set("kind", "echo");
    out.Set("echo", event.id);
    out.Set("rttUs", event.rttUs);
    out.Set("hops", event.hops);
    return out;
  }
  const bool link = event.kind == Event::Kind::link;
  out.Set("kind", link ? "link" : "port");
  out.Set(link ? "link" : "port", event.id);
  out.Set("up", event.yes);
  out.Set("reason", event.reason);
  if (link) {
    out.Set("rttUs", event.rttUs);
    out.Set("remote", event.remote);
  }
  return out;
}

static Napi::Value column(Napi::Env env, const std::vector<double>& values) {
  auto out = Napi::Float64Array::New(env, values.size());
  if (!values.empty()) std::memcpy(out.Data(), values.data(), values.size() * sizeof(double));
  return out;
}

static Napi::Object endValue(Napi::Env env, const EndRow& row) {
  auto out = Napi::Object::New(env);
  out.Set("id", row.id);
  out.Set("inFrames", static_cast<double>(row.counters.inFrames));
  out.Set("inBytes", static_cast<double>(row.counters.inBytes));
  out.Set("outFrames", static_cast<double>(row.counters.outFrames));
  out.Set("outBytes", static_cast<double>(row.counters.outBytes));
  out.Set("drops", static_cast<double>(row.counters.drops));
  return out;
}

static Napi::Object tcpValue(Napi::Env env, const TcpState& tcp) {
  auto out = Napi::Object::New(env);
  out.Set("rttUs", tcp.rttUs);
  out.Set("rttVarUs", tcp.rttVarUs);
  out.Set("minRttUs", tcp.minRttUs);
  out.Set("deliveryBitsPerSecond", tcp.deliveryBitsPerSecond);
  out.Set("appLimited", tcp.appLimited);
  out.Set("sentSegments", tcp.sentSegments);
  out.Set("retransmittedSegments", tcp.retransmittedSegments);
  out.Set("congestionWindowBytes", tcp.congestionWindowBytes);
  out.Set("unsentBytes", tcp.unsentBytes);
  return out;
}

static Napi::Object linkValue(Napi::Env env, const LinkRow& row) {
  auto out = endValue(env, row);
  out.Set("up", row.up);
  out.Set("rttUs", row.rttUs);
  out.Set("datagramBytes", row.datagramBytes);
  out.Set("arrived", static_cast<double>(row.arrived));
  out.Set("lost", static_cast<double>(row.lost));
  out.Set("late", static_cast<double>(row.late));
  if (row.tcp) out.Set("tcp", tcpValue(env, *row.tcp));
  return out;
}

static Napi::Object portValue(Napi::Env env, const PortRow& row) {
  auto out = endValue(env, row);
  out.Set("held", static_cast<double>(row.held));
  out.Set("doubtful", static_cast<double>(row.doubtful));
  return out;
}

Napi::Value snapshotValue(Napi::Env env, const Snapshot& snapshot) {
  auto pairs = Napi::Object::New(env);
  const PairColumns& c = snapshot.pairs;
  pairs.Set("rows", static_cast<double>(c.network.size()));
  pairs.Set("network", column(env, c.network));
  pairs.Set("source", column(env, c.source));
  pairs.Set("destination", column(env, c.destination));
  pairs.Set("inFrames", column(env, c.inFrames));
  pairs.Set("inBytes", column(env, c.inBytes));
  pairs.Set("outFrames", column(env, c.outFrames));
  pairs.Set("outBytes", column(env, c.outBytes));
  auto links = Napi::Array::New(env), ports = Napi::Array::New(env), drops = Napi::Array::New(env);
  uint32_t at = 0;
  for (const LinkRow& row : snapshot.links) links.Set(at++, linkValue(env, row));
  at = 0;
  for (const PortRow& row : snapshot.ports) ports.Set(at++, portValue(env, row));
  for (uint32_t i = 0; i < DROP_COUNT; i++) drops.Set(i, static_cast<double>(snapshot.drops[i]));
  auto out = Napi::Object::New(env);
  out.Set("pairs", pairs);
  out.Set("links", links);
  out.Set("ports", ports);
  out.Set("drops", drops);
  out.Set("flowEntries", static_cast<double>(snapshot.flowEntries));
  return out;
}

}  // namespace vnet
