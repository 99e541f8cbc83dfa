// N-API: the methods of a plane, values in and batches out. JavaScript thread only. No C++ exception crosses:
// guarded() turns each into a JavaScript error with `code` and `hint`.
#include <napi.h>

#include <memory>
#include <string>

#include "plane.hpp"
#include "values.hpp"

namespace vnet {

namespace {

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
  handler.Call({list(env, batch.misses, missValue), list(env, batch.events, eventValue), snapshots,
                arrivalsValue(env, batch.arrivals)});
}

class PlaneObject final : public Napi::ObjectWrap<PlaneObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "Plane",
        {
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
            InstanceMethod("setRecording", &PlaneObject::guarded<&PlaneObject::setRecording>),
            InstanceMethod("sendTrain", &PlaneObject::guarded<&PlaneObject::sendTrain>),
            InstanceMethod("sendNote", &PlaneObject::guarded<&PlaneObject::sendNote>),
            InstanceMethod("sendEcho", &PlaneObject::guarded<&PlaneObject::sendEcho>),
            InstanceMethod("announce", &PlaneObject::guarded<&PlaneObject::announce>),
            InstanceMethod("keepSent", &PlaneObject::guarded<&PlaneObject::keepSent>),
            InstanceMethod("recall", &PlaneObject::guarded<&PlaneObject::recall>),
            InstanceMethod("close", &PlaneObject::guarded<&PlaneObject::close>),
        });
  }

  // handler(misses, events, snapshots, arrivals)
  explicit PlaneObject(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<PlaneObject>(info), shared_(std::make_shared<Shared>()) {
    shared_->toJavaScript =
        Napi::ThreadSafeFunction::New(info.Env(), info[0].As<Napi::Function>(), "vnet", 0, 1);
    try {
      shared_->plane = std::make_unique<Plane>([weak = std::weak_ptr(shared_)] { wake(weak); });
    } catch (const PlaneError& error) {
      shared_->toJavaScript.Release();
      shared_->closed = true;
      throw toJs(info.Env(), error);
    } catch (const std::exception& error) {  // no thread, no memory
      shared_->toJavaScript.Release();
      shared_->closed = true;
      throw toJs(info.Env(), PlaneError("VNET_ERR_LIMIT", error.what(), "free memory, or raise ulimit -u"));
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
  Plane& plane() {
    if (shared_->closed) throw PlaneError("VNET_ERR_CLOSED", "the data plane is closed");
    return *shared_->plane;
  }

  Napi::Value listen(const Napi::CallbackInfo& info) {
    const std::string address = info[0].ToString();
    const auto port = static_cast<uint16_t>(info[1].ToNumber().Uint32Value());
    // With port 0 the system chooses for TCP, and UDP may find that number taken.
    for (int attempt = 0;; attempt++) {
      auto tcp = std::make_shared<std::unique_ptr<TcpListener>>(std::make_unique<TcpListener>(address, port));
      const uint16_t bound = (*tcp)->port();
      try {
        auto udp = std::make_shared<std::unique_ptr<UdpSocket>>(std::make_unique<UdpSocket>(address, bound));
        plane().post(
            [tcp, udp](Forwarder& forwarder) { forwarder.links().listen(std::move(*udp), std::move(*tcp)); });
        haveUdp_ = true;
        linkPort_ = bound;
        return Napi::Number::New(info.Env(), bound);
      } catch (const PlaneError& error) {
        if (port != 0 || error.code != "VNET_ERR_EXISTS" || attempt == 16) throw;
      }
    }
  }

  Napi::Value setNetwork(const Napi::CallbackInfo& info) {
    const auto from = info[0].As<Napi::Object>();
    const Network network{number(from, "network"), number(from, "mtu"), number(from, "epoch"),
                          number(from, "oldestEpoch")};
    plane().post([network](Forwarder& forwarder) { forwarder.setNetwork(network); });
    return info.Env().Undefined();
  }

  Napi::Value removeNetwork(const Napi::CallbackInfo& info) {
    plane().post(
        [id = info[0].ToNumber().Uint32Value()](Forwarder& forwarder) { forwarder.removeNetwork(id); });
    return info.Env().Undefined();
  }

  // openPort(port, mtu of its network or 0)
  Napi::Value openPort(const Napi::CallbackInfo& info) {
    const auto from = info[0].As<Napi::Object>();
    PortConfig config{number(from, "port"), number(from, "network"),         info[1].ToNumber().Uint32Value(),
                      text(from, "spec"),   from.Get("guarded").ToBoolean(), macs(from.Get("macs"))};
    config.linkPort = linkPort_;
    auto port = std::make_shared<std::unique_ptr<Port>>(vnet::openPort(std::move(config)));
    plane().post([port](Forwarder& forwarder) { forwarder.openPort(std::move(*port)); });
    return info.Env().Undefined();
  }

  Napi::Value setPortMacs(const Napi::CallbackInfo& info) {
    plane().post([id = info[0].ToNumber().Uint32Value(), list = macs(info[1])](Forwarder& forwarder) {
      forwarder.setPortMacs(id, list);
    });
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
    plane().post(
        [id = info[0].ToNumber().Uint32Value()](Forwarder& forwarder) { forwarder.links().close(id); });
    return info.Env().Undefined();
  }

  Napi::Value setEdge(const Napi::CallbackInfo& info) {
    plane().post([id = info[0].ToNumber().Uint32Value(), list = numbers(info[1])](Forwarder& forwarder) {
      forwarder.links().setEdge(id, list);
    });
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
    const auto scopes = from.Get("invalidate").As<Napi::Array>(),
               entries = from.Get("install").As<Napi::Array>();
    for (uint32_t i = 0; i < scopes.Length(); i++)
      delta.invalidate.push_back(flowScope(scopes.Get(i).As<Napi::Object>()));
    for (uint32_t i = 0; i < entries.Length(); i++)
      delta.install.push_back(flowEntry(entries.Get(i).As<Napi::Object>()));
    plane().post(
        [delta = std::move(delta)](Forwarder& forwarder) mutable { forwarder.applyFlows(std::move(delta)); });
    return info.Env().Undefined();
  }

  // snapshot(ticket): the answer comes with the handler's third argument.
  Napi::Value snapshot(const Napi::CallbackInfo& info) {
    plane().post([ticket = static_cast<uint64_t>(info[0].ToNumber().Int64Value())](Forwarder& forwarder) {
      forwarder.reportSnapshot(ticket);
    });
    return info.Env().Undefined();
  }

  // setRecording(link, records a second)
  Napi::Value setRecording(const Napi::CallbackInfo& info) {
    plane().post([link = info[0].ToNumber().Uint32Value(), rate = info[1].ToNumber().DoubleValue()](
                     Forwarder& forwarder) { forwarder.links().setRecording(link, rate); });
    return info.Env().Undefined();
  }

  Napi::Value sendTrain(const Napi::CallbackInfo& info) {
    plane().trains().send(train(info[0].As<Napi::Object>()));
    return info.Env().Undefined();
  }

  // sendNote(link, octets)
  Napi::Value sendNote(const Napi::CallbackInfo& info) {
    const auto octets = info[1].As<Napi::Uint8Array>();
    std::vector<uint8_t> note(octets.Data(), octets.Data() + octets.ByteLength());
    plane().post([link = info[0].ToNumber().Uint32Value(), note = std::move(note)](Forwarder& forwarder) {
      if (Link* found = forwarder.links().find(link)) found->sendNote(note);
    });
    return info.Env().Undefined();
  }

  Napi::Value sendEcho(const Napi::CallbackInfo& info) {
    plane().post([request = echoRequest(info[0].As<Napi::Object>())](Forwarder& forwarder) {
      forwarder.sendEcho(request);
    });
    return info.Env().Undefined();
  }

  // announce(port, source)
  Napi::Value announce(const Napi::CallbackInfo& info) {
    plane().post([port = info[0].ToNumber().Uint32Value(), source = mac(info[1])](Forwarder& forwarder) {
      forwarder.announce(port, source);
    });
    return info.Env().Undefined();
  }

  // keepSent(port, kept)
  Napi::Value keepSent(const Napi::CallbackInfo& info) {
    plane().post([port = info[0].ToNumber().Uint32Value(), kept = info[1].ToBoolean().Value()](
                     Forwarder& forwarder) { forwarder.keepSent(port, kept); });
    return info.Env().Undefined();
  }

  // recall(port, agoMs)
  Napi::Value recall(const Napi::CallbackInfo& info) {
    const auto agoNs = static_cast<uint64_t>(info[1].ToNumber().DoubleValue() * static_cast<double>(MS));
    plane().post([port = info[0].ToNumber().Uint32Value(), agoNs](Forwarder& forwarder) {
      forwarder.recall(port, agoNs);
    });
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
  uint16_t linkPort_ = 0;
};

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("Plane", PlaneObject::define(env));
  return exports;
}

NODE_API_MODULE(vnet, init)

}  // namespace

}  // namespace vnet
