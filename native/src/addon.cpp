// N-API: the methods of a plane, values in and batches out. JavaScript thread only. No C++ exception crosses:
// guarded() turns each into a JavaScript error with `code` and `hint`.
#include <napi.h>

#include <memory>
#include <string>

#include "plane.hpp"

namespace vnet {

namespace {

uint32_t number(const Napi::Object& from, const char* name) { return from.Get(name).ToNumber().Uint32Value(); }
uint64_t mac(const Napi::Value& value) { return static_cast<uint64_t>(value.ToNumber().DoubleValue()); }
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

Action action(const Napi::Object& from) {
  const std::string kind = text(from, "kind");
  if (kind == "port") return {ActionKind::port, Drop::noMatch, number(from, "port")};
  if (kind == "edge") return {ActionKind::edge, Drop::noMatch, number(from, "edge")};
  if (kind == "ground") return {ActionKind::ground, Drop::noMatch, 0};
  if (kind == "hold") return {ActionKind::hold, Drop::noMatch, 0};
  return {ActionKind::drop, static_cast<Drop>(number(from, "reason")), 0};
}

FlowEntry flowEntry(const Napi::Object& from) {
  FlowEntry out;
  out.key = {number(from, "network"), number(from, "ingress"), mac(from.Get("source")), mac(from.Get("destination")), number(from, "ground") != 0};
  out.fromEpoch = number(from, "fromEpoch");
  const double to = from.Get("toEpoch").ToNumber().DoubleValue();
  out.toEpoch = to >= 4294967296.0 ? uint64_t{1} << 32 : static_cast<uint64_t>(to);
  const auto list = from.Get("actions").As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) out.actions.push_back(action(list.Get(i).As<Napi::Object>()));
  return out;
}

FlowScope flowScope(const Napi::Object& from) {
  FlowScope out;
  if ((out.hasNetwork = from.Get("network").IsNumber())) out.network = number(from, "network");
  if ((out.hasSource = from.Get("source").IsNumber())) out.source = mac(from.Get("source"));
  if ((out.hasDestination = from.Get("destination").IsNumber())) out.destination = mac(from.Get("destination"));
  return out;
}

template <size_t N>
void octets(const Napi::Object& from, const char* name, std::array<uint8_t, N>& out) {
  const auto bytes = from.Get(name).As<Napi::Uint8Array>();
  if (bytes.ByteLength() != N) throw PlaneError("VNET_ERR_INVALID", std::string(name) + " needs " + std::to_string(N) + " octets");
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
      throw PlaneError("VNET_ERR_INVALID", "\"" + text(dial, "address") + "\" is not an IP address", "dial an IPv4 or IPv6 literal");
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

Napi::Value column(Napi::Env env, const std::vector<double>& values) {
  auto out = Napi::Float64Array::New(env, values.size());
  if (!values.empty()) std::memcpy(out.Data(), values.data(), values.size() * sizeof(double));
  return out;
}

Napi::Object endValue(Napi::Env env, const EndRow& row) {
  auto out = Napi::Object::New(env);
  out.Set("id", row.id);
  out.Set("inFrames", static_cast<double>(row.counters.inFrames));
  out.Set("inBytes", static_cast<double>(row.counters.inBytes));
  out.Set("outFrames", static_cast<double>(row.counters.outFrames));
  out.Set("outBytes", static_cast<double>(row.counters.outBytes));
  out.Set("drops", static_cast<double>(row.counters.drops));
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
  for (const EndRow& row : snapshot.links) {
    auto link = endValue(env, row);
    link.Set("up", row.up);
    link.Set("rttUs", row.rttUs);
    link.Set("datagramBytes", row.datagramBytes);
    links.Set(at++, link);
  }
  at = 0;
  for (const EndRow& row : snapshot.ports) ports.Set(at++, endValue(env, row));
  for (uint32_t i = 0; i < DROP_COUNT; i++) drops.Set(i, static_cast<double>(snapshot.drops[i]));
  auto out = Napi::Object::New(env);
  out.Set("pairs", pairs);
  out.Set("links", links);
  out.Set("ports", ports);
  out.Set("drops", drops);
  out.Set("flowEntries", static_cast<double>(snapshot.flowEntries));
  return out;
}

template <class Item, class Make>
Napi::Array list(Napi::Env env, const std::vector<Item>& items, Make&& make) {
  auto out = Napi::Array::New(env, items.size());
  for (uint32_t i = 0; i < items.size(); i++) out.Set(i, make(env, items[i]));
  return out;
}

// Outlives the wrapper while calls from the I/O thread are under way.
struct Shared {
  std::unique_ptr<Plane> plane;
  Napi::ThreadSafeFunction toJavaScript;
  bool closed = false;
};

void deliver(const std::shared_ptr<Shared>& shared, Napi::Env env, Napi::Function handler);

void wake(const std::weak_ptr<Shared>& weak) {
  if (const auto shared = weak.lock())
    shared->toJavaScript.NonBlockingCall([weak](Napi::Env env, Napi::Function handler) {
      if (const auto alive = weak.lock()) deliver(alive, env, handler);
    });
}

void deliver(const std::shared_ptr<Shared>& shared, Napi::Env env, Napi::Function handler) {
  if (shared->closed) return;
  const UpBatch batch = shared->plane->take();
  if (batch.more) wake(shared);
  const auto snapshots = list(env, batch.snapshots, [](Napi::Env e, const Snapshot& s) {
    auto out = Napi::Object::New(e);
    out.Set("ticket", static_cast<double>(s.ticket));
    out.Set("snapshot", snapshotValue(e, s));
    return out;
  });
  handler.Call({list(env, batch.misses, missValue), list(env, batch.events, eventValue), snapshots});
}

class PlaneObject final : public Napi::ObjectWrap<PlaneObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Plane", {
        InstanceMethod("listen", &PlaneObject::guarded<&PlaneObject::listen>),
        InstanceMethod("setNetwork", &PlaneObject::guarded<&PlaneObject::setNetwork>),
        InstanceMethod("removeNetwork", &PlaneObject::guarded<&PlaneObject::removeNetwork>),
        InstanceMethod("openPort", &PlaneObject::guarded<&PlaneObject::openPort>),
        InstanceMethod("setPortMacs", &PlaneObject::guarded<&PlaneObject::setPortMacs>),
        InstanceMethod("closePort", &PlaneObject::guarded<&PlaneObject::closePort>),
        InstanceMethod("openLink", &PlaneObject::guarded<&PlaneObject::openLink>),
        InstanceMethod("closeLink", &PlaneObject::guarded<&PlaneObject::closeLink>),
        InstanceMethod("setEdge", &PlaneObject::guarded<&PlaneObject::setEdge>),
        InstanceMethod("removeEdge", &PlaneObject::guarded<&PlaneObject::removeEdge>),
        InstanceMethod("applyFlows", &PlaneObject::guarded<&PlaneObject::applyFlows>),
        InstanceMethod("snapshot", &PlaneObject::guarded<&PlaneObject::snapshot>),
        InstanceMethod("close", &PlaneObject::guarded<&PlaneObject::close>),
    });
  }

  // handler(misses, events, snapshots)
  explicit PlaneObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PlaneObject>(info), shared_(std::make_shared<Shared>()) {
    shared_->toJavaScript = Napi::ThreadSafeFunction::New(info.Env(), info[0].As<Napi::Function>(), "vnet", 0, 1);
    try {
      shared_->plane = std::make_unique<Plane>([weak = std::weak_ptr(shared_)] { wake(weak); });
    } catch (const PlaneError& error) {
      shared_->toJavaScript.Release();
      shared_->closed = true;
      throw toJs(info.Env(), error);
    }
    env_ = info.Env();
    napi_add_env_cleanup_hook(env_, atExit, this);
  }
  ~PlaneObject() override { shut(); }

 private:
  using Method = Napi::Value (PlaneObject::*)(const Napi::CallbackInfo&);
  template <Method method>
  Napi::Value guarded(const Napi::CallbackInfo& info) {
    try {
      return (this->*method)(info);
    } catch (const PlaneError& error) {
      throw toJs(info.Env(), error);
    } catch (const Napi::Error&) {
      throw;
    } catch (const std::exception& error) {
      throw toJs(info.Env(), PlaneError("VNET_ERR_INTERNAL", error.what()));
    }
  }
  static Napi::Error toJs(Napi::Env env, const PlaneError& error) {
    Napi::Error out = Napi::Error::New(env, error.what());
    out.Set("code", Napi::String::New(env, error.code));
    if (!error.hint.empty()) out.Set("hint", Napi::String::New(env, error.hint));
    return out;
  }
  static void atExit(void* self) {
    static_cast<PlaneObject*>(self)->exiting_ = true;
    static_cast<PlaneObject*>(self)->shut();
  }

  void shut() {
    if (shared_->closed) return;
    shared_->closed = true;
    shared_->plane.reset();
    if (!exiting_) napi_remove_env_cleanup_hook(env_, atExit, this);
    shared_->toJavaScript.Release();
  }
  Plane& plane() { return *shared_->plane; }

  Napi::Value listen(const Napi::CallbackInfo& info) {
    const std::string address = info[0].ToString();
    const auto port = static_cast<uint16_t>(info[1].ToNumber().Uint32Value());
    // With port 0 the system chooses for TCP, and UDP may find that number taken.
    for (int attempt = 0;; attempt++) {
      auto tcp = std::make_shared<std::unique_ptr<TcpListener>>(std::make_unique<TcpListener>(address, port));
      const uint16_t bound = (*tcp)->port();
      try {
        auto udp = std::make_shared<std::unique_ptr<UdpSocket>>(std::make_unique<UdpSocket>(address, bound));
        plane().post([tcp, udp](Forwarder& forwarder) { forwarder.links().listen(std::move(*udp), std::move(*tcp)); });
        haveUdp_ = true;
        return Napi::Number::New(info.Env(), bound);
      } catch (const PlaneError& error) {
        if (port != 0 || error.code != "VNET_ERR_EXISTS" || attempt == 16) throw;
      }
    }
  }

  Napi::Value setNetwork(const Napi::CallbackInfo& info) {
    const auto from = info[0].As<Napi::Object>();
    const Network network{number(from, "network"), number(from, "mtu"), number(from, "epoch"), number(from, "oldestEpoch")};
    plane().post([network](Forwarder& forwarder) { forwarder.setNetwork(network); });
    return info.Env().Undefined();
  }

  Napi::Value removeNetwork(const Napi::CallbackInfo& info) {
    plane().post([id = info[0].ToNumber().Uint32Value()](Forwarder& forwarder) { forwarder.removeNetwork(id); });
    return info.Env().Undefined();
  }

  // openPort(port, mtu of its network or 0)
  Napi::Value openPort(const Napi::CallbackInfo& info) {
    const auto from = info[0].As<Napi::Object>();
    PortConfig config{number(from, "port"), number(from, "network"), info[1].ToNumber().Uint32Value(), text(from, "spec"),
                      from.Get("guarded").ToBoolean(), macs(from.Get("macs"))};
    auto port = std::make_shared<std::unique_ptr<Port>>(vnet::openPort(std::move(config)));
    plane().post([port](Forwarder& forwarder) { forwarder.openPort(std::move(*port)); });
    return info.Env().Undefined();
  }

  Napi::Value setPortMacs(const Napi::CallbackInfo& info) {
    plane().post([id = info[0].ToNumber().Uint32Value(), list = macs(info[1])](Forwarder& forwarder) { forwarder.setPortMacs(id, list); });
    return info.Env().Undefined();
  }

  Napi::Value closePort(const Napi::CallbackInfo& info) {
    const uint32_t id = info[0].ToNumber().Uint32Value();
    plane().call([id](Forwarder& forwarder) { forwarder.closePort(id); });
    return info.Env().Undefined();
  }

  Napi::Value openLink(const Napi::CallbackInfo& info) {
    LinkConfig config = linkConfig(info[0].As<Napi::Object>());
    if (!config.tcp && !haveUdp_) {
      auto udp = std::make_shared<std::unique_ptr<UdpSocket>>(std::make_unique<UdpSocket>("", 0));
      plane().post([udp](Forwarder& forwarder) { forwarder.links().useUdp(std::move(*udp)); });
      haveUdp_ = true;
    }
    plane().post([config](Forwarder& forwarder) { forwarder.links().open(config); });
    return info.Env().Undefined();
  }

  Napi::Value closeLink(const Napi::CallbackInfo& info) {
    plane().post([id = info[0].ToNumber().Uint32Value()](Forwarder& forwarder) { forwarder.links().close(id); });
    return info.Env().Undefined();
  }

  Napi::Value setEdge(const Napi::CallbackInfo& info) {
    plane().post([id = info[0].ToNumber().Uint32Value(), list = numbers(info[1])](Forwarder& forwarder) { forwarder.links().setEdge(id, list); });
    return info.Env().Undefined();
  }

  Napi::Value removeEdge(const Napi::CallbackInfo& info) {
    plane().post([id = info[0].ToNumber().Uint32Value()](Forwarder& forwarder) { forwarder.removeEdge(id); });
    return info.Env().Undefined();
  }

  Napi::Value applyFlows(const Napi::CallbackInfo& info) {
    const auto from = info[0].As<Napi::Object>();
    FlowDelta delta;
    delta.generation = from.Get("generation").ToNumber().DoubleValue();
    const auto scopes = from.Get("invalidate").As<Napi::Array>(), entries = from.Get("install").As<Napi::Array>();
    for (uint32_t i = 0; i < scopes.Length(); i++) delta.invalidate.push_back(flowScope(scopes.Get(i).As<Napi::Object>()));
    for (uint32_t i = 0; i < entries.Length(); i++) delta.install.push_back(flowEntry(entries.Get(i).As<Napi::Object>()));
    plane().post([delta = std::move(delta)](Forwarder& forwarder) mutable { forwarder.applyFlows(std::move(delta)); });
    return info.Env().Undefined();
  }

  // snapshot(ticket): the answer comes with the handler's third argument.
  Napi::Value snapshot(const Napi::CallbackInfo& info) {
    plane().post([ticket = static_cast<uint64_t>(info[0].ToNumber().Int64Value())](Forwarder& forwarder) { forwarder.reportSnapshot(ticket); });
    return info.Env().Undefined();
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    shut();
    return info.Env().Undefined();
  }

  std::shared_ptr<Shared> shared_;
  napi_env env_ = nullptr;
  bool exiting_ = false;
  bool haveUdp_ = false;
};

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("Plane", PlaneObject::define(env));
  return exports;
}

NODE_API_MODULE(vnet, init)

}  // namespace

}  // namespace vnet
