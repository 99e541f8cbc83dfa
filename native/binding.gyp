{
  "targets": [
    {
      "target_name": "vnet",
      "sources": [
        "src/addon.cpp", "src/announcement.cpp", "src/arrival_clock.cpp", "src/checksum.cpp", "src/coalesce.cpp", "src/counters.cpp",
        "src/echo.cpp", "src/egress.cpp", "src/flow_cache.cpp", "src/forwarder.cpp", "src/forwarder_echo.cpp",
        "src/fragment.cpp", "src/handshake.cpp", "src/hold.cpp", "src/ingress.cpp", "src/link.cpp", "src/link_filter.cpp", "src/link_measure.cpp",
        "src/link_session.cpp", "src/link_tcp.cpp", "src/link_udp.cpp", "src/links.cpp", "src/loop.cpp", "src/mss.cpp",
        "src/path_size.cpp", "src/pending.cpp", "src/plane.cpp", "src/port.cpp", "src/port_packet.cpp",
        "src/port_tap.cpp", "src/port_unix.cpp", "src/record.cpp", "src/segment.cpp", "src/sent.cpp", "src/sequence.cpp",
        "src/siphash.cpp", "src/sys.cpp", "src/tcp_state.cpp", "src/trains.cpp", "src/values.cpp",
        "src/values_wren.cpp", "src/wire.cpp"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_CPP_EXCEPTIONS", "NAPI_VERSION=8"],
      "cflags_cc!": ["-fno-exceptions", "-std=gnu++17"],
      "cflags_cc": ["-std=c++20", "-O3", "-fexceptions", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Wno-cast-function-type"]
    }
  ]
}
