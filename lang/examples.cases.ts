/** Scripts that the tests start from: the examples of the modern form, and Figure 2 in the paper's. */

export const DESIGN_EXAMPLE = `network lab

proxy home  at home.example.org:7700  lan bridge:br0
host  a     at 10.0.1.1:7700
host  b                                 # no address: behind NAT, dials out

vm web  on a         mac 02:00:00:00:00:01  port tap:web0  memory 512M  cpu 1
vm db   pinned on b  mac 02:00:00:00:00:02  port packet:vnet7

star tcp                                # the ground: every host to the Proxy
link udp a b                            # a fast path on top
route web <-> db  via a b               # every host of the path, ends included, both directions
`;

/** What is reserved, and where VMs may be placed. */
export const PROMISES = `network lab

proxy home  at home.example.org:7700
host  a     at 10.0.1.1:7700  cpu 2
host  b

vm db   on b  mac 02:00:00:00:00:02  among a,b
vm web  on a  mac 02:00:00:00:00:01
vm web2 on a  mac 02:00:00:00:00:03

link udp a b

reserve udp a <-> b 50M
reserve tcp home -> a 1.5Gbit/s
reserve cpu web 20ms of 100ms
reserve cpu db 1500us of 5ms
keep apart web2 web
keep together web db
keep web <-> db within 5ms
`;

export const FIGURE_2 = `BEGIN
HOST alice AT Proxy 7700 eth0
HOST alice AT Host1 7700 vmnet1
ADD
LINK TCP Host1 Host1 Proxy
FORWARD INTERFACE Host1 NOT 00:50:56:00:21:01 FF:FF:FF:FF:FF:FF vmnet1
FORWARD INTERFACE Host1 ANY 00:50:56:00:21:01 vmnet1
FORWARD EDGE Host1 00:50:56:00:21:01 NONE Host1 Proxy
END
`;
