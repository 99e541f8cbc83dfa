import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  ADAPT_OBJECTIVES,
  type AdaptRecord,
  DEFAULT_ADAPT,
  NOTHING_ADAPTED,
  VnetError,
} from '../core/index.js';
import { OBJECTIVES } from '../vadapt/index.js';
import { fakeAdaptView, fakePlan, fakeReason, fakeRecord, nothingBetter } from './fake-adapt.js';
import { FakeOverlay, WEB } from './fake-overlay.js';
import { bodyOf, vnet } from './fake-world.js';

function adapting(): FakeOverlay {
  const overlay = new FakeOverlay();
  overlay.adaptView = fakeAdaptView();
  overlay.adaptPlan = fakePlan();
  return overlay;
}

const PLAN = `Plan p12 for lab  residual by local-search in 132 ms, against revision 7

  + link udp b c
      three flows take it
  > move web  a → b
      web and db exchange 12.3 Mbit/s over a way that has 3.10 Mbit/s
      web sends db 12.3 Mbit/s  400 ms old, confidence 90%
      a to b has 3.10 Mbit/s free  42.0 s old, confidence 30%
  + route web <-> cache via b c
      the direct way is wider than the star
  + route db <-> cache via b c

Plan: 1 move, 1 link, 2 routes.
  value  -4.00 Mbit/s now, 38.0 Mbit/s then, at most 40.0 Mbit/s (gap 5%)
  cost   300 kbit/s of the change, spread over the horizon
  gain   +85% predicted for the rates of the flows, the cost taken off

Flows  bit/s; fair: by max-min fair shares of the paths
FROM  TO     MEASURED  FAIR NOW   THEN          GAIN  PATH NOW  PATH THEN
web   db        12.3M     3.10M  10.0G    3.2k times  a b       b
web   cache     2.00M     2.00M  9.00M         +350%  a home c  b c
db    web       1.00M         0  10.0G  from nothing  none      b
db    cache      500k      500k   500k            0%  b home c  the same

Notes
  the load of c is 40 s old

Worth it: the flows' rates grow by 85%, and the threshold is 10%
Do it: vnet adapt apply p12
`;

t.test('plan, to the letter', async (t) => {
  const overlay = adapting();
  const { code, out, err } = await vnet('adapt plan', { overlay });
  t.strictSame([code, err], [2, '']);
  t.equal(out, PLAN);
  t.strictSame(overlay.adaptCalls, [['planAdaptation', {}]]);

  const all = await vnet('adapt plan --all', { overlay });
  t.match(all.out, 'web writes 1.2M a second to its memory', 'all the evidence');
  t.match(all.out, /route web <-> cache[^\n]*\n[^\n]*\n {6}home to c has 3\.10 Mbit\/s free/);

  const plan = JSON.parse((await vnet('adapt plan --json', { overlay })).out);
  t.strictSame(plan, fakePlan());
});

t.test('a plan of nothing, one that is not worth it, one of very much', async (t) => {
  const overlay = adapting();
  overlay.adaptPlan = nothingBetter();
  const nothing = await vnet('adapt plan', { overlay });
  t.equal(nothing.code, 0);
  t.equal(
    nothing.out.split('\n').slice(2).join('\n'),
    '  Nothing to do.\n\n  value  38.0 Mbit/s now, at most 40.0 Mbit/s (gap 5%)\n\nNothing better was found\n',
  );

  overlay.adaptPlan = fakePlan({
    worthIt: false,
    verdict: 'not worth it: less than 10%',
    gain: 0.04,
    bound: 38e6,
  });
  const poor = await vnet('adapt plan', { overlay });
  t.equal(poor.code, 0, 'nothing that is worth it');
  t.match(
    poor.out,
    /\(proven best\)[\s\S]*\+4% predicted[\s\S]*\nNot worth it: less than 10%\nDo it: vnet adapt apply p12\n$/,
  );

  for (const none of [null as unknown as number, Number.MAX_VALUE]) {
    overlay.adaptPlan = fakePlan({ bound: none });
    t.match((await vnet('adapt plan', { overlay })).out, '38.0 Mbit/s then, no bound is proven\n');
  }

  const many = Array.from({ length: 30 }, (_, i) => i);
  const { actions, flows } = fakePlan();
  overlay.adaptPlan = fakePlan({
    actions: many.flatMap((i) => actions.slice(2, 3).map((each) => ({ ...each, why: `reason ${i}` }))),
    flows: many.flatMap(() => flows.slice(0, 1)),
  });
  const much = (await vnet('adapt plan', { overlay })).out;
  t.match(much, /reason 4\n {2}and 25 routes more: --all\n/);
  t.match(much, 'and 18 flows more: --all\n');
  t.notMatch((await vnet('adapt plan --all', { overlay })).out, ' more: --all');
});

t.test('settings of one plan', async (t) => {
  const overlay = adapting();
  const line =
    'adapt plan --network lab --mechanisms topology,cpu --objective latency --solver auto --budget 2s --links 0';
  await vnet(line, { overlay });
  t.strictSame(overlay.adaptCalls, [
    [
      'planAdaptation',
      {
        network: 'lab',
        settings: {
          mechanisms: ['topology', 'cpu'],
          objective: 'latency',
          solver: 'auto',
          budgetMs: 2000,
          linksPerHost: 0,
        },
      },
    ],
  ]);
  for (const [flags, says] of [
    ['--mechanisms topolgy', 'there is no mechanism "topolgy"\nhint: did you mean topology?'],
    ['--objective best', 'there is no objective "best"\nhint: one of: residual, single-hop'],
    ['--budget 5ms', '"5ms" is not a time for a search\nhint: write a time such as 200ms'],
    ['--links 65', '"65" is not a number of links\nhint: write a whole number from 0 to 64'],
  ] as const) {
    const slip = await vnet(`adapt plan ${flags}`, { overlay });
    t.equal(slip.code, 1);
    t.match(slip.err, says);
  }
  t.equal(overlay.adaptCalls.length, 1, 'a slip asks nothing');
  await vnet('adapt plan --solver ./mine.mjs --mechanisms none', { overlay });
  t.match(overlay.adaptCalls.at(-1), [
    'planAdaptation',
    { settings: { mechanisms: [], solver: /^\/.*\/mine\.mjs$/ } },
  ]);
});

t.test('apply does exactly that plan', async (t) => {
  const overlay = adapting();
  overlay.adaptView = fakeAdaptView({ plans: [fakePlan()] });
  const named = await vnet('adapt apply p12', { overlay, tty: true, answer: true });
  t.equal(named.code, 0);
  t.strictSame(named.asked, ['Apply plan p12? [y/N] ']);
  t.match(
    named.out,
    /Plan p12[\s\S]*Applied\..* 1 move, 1 link, 2 routes in 12 ms/,
    'shown before, and what came of it',
  );
  t.match(named.err, /4\/4 .*the direct way is wider/, 'with a bar on a terminal');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what it looks for
  t.match(named.err, /\r\u001b\[K$/, 'that is gone at the end');
  t.strictSame(overlay.adaptCalls, [
    ['adaptation', 0],
    ['applyAdaptation', 'p12'],
  ]);

  const made = await vnet('adapt apply --yes --objective latency', { overlay });
  t.equal(
    made.out.slice(made.out.indexOf('Applied')),
    'Applied. 1 move, 1 link, 2 routes in 12 ms (record p12)\n  asked for\n' +
      '  +85% predicted; what it brings is measured once it has settled: `vnet adapt history`\n',
  );
  t.match(overlay.adaptCalls.slice(2), [
    ['planAdaptation', { settings: { objective: 'latency' } }],
    ['applyAdaptation', 'p12'],
  ]);
  t.match(JSON.parse((await vnet('adapt apply p12 --yes --json', { overlay })).out), { outcome: 'applied' });
});

t.test('apply asks, and says what did not come to pass', async (t) => {
  const overlay = adapting();
  const applied = () => overlay.adaptCalls.some(([name]) => name === 'applyAdaptation');
  const declined = await vnet('adapt apply', { overlay, tty: true, answer: false });
  t.equal(declined.code, 1);
  t.match(declined.out, /Nothing was changed\.\n$/);
  const alone = await vnet('adapt apply', { overlay });
  t.equal(alone.code, 1);
  t.match(
    alone.err,
    /nobody can be asked[^\n]*\nhint: look at it with `vnet adapt plan`, then repeat with --yes/,
  );
  t.notOk(applied());

  overlay.adaptPlan = nothingBetter();
  const nothing = await vnet('adapt apply', { overlay });
  t.equal(nothing.code, 0, 'nothing to do is no error, and nobody is asked');
  t.equal((await vnet('adapt apply --json', { overlay })).out, 'null\n');
  t.notOk(applied());

  t.match((await vnet('adapt apply p99 --yes', { overlay })).err, 'no plan p99');
  overlay.adaptPlan = fakePlan();
  overlay.applyAdaptation = async () => {
    throw new VnetError('VNET_ERR_CONFLICT', 'web has moved since', { hint: 'plan again' });
  };
  const late = await vnet('adapt apply p12 --yes --json', { overlay });
  t.equal(bodyOf(late.err).code, 'VNET_ERR_CONFLICT');
  const failed: AdaptRecord = fakeRecord({ outcome: 'failed', reason: 'c refused web: no room' });
  delete failed.measuredGain;
  overlay.applyAdaptation = async (_plan, progress) => {
    progress?.({ step: 'undo', done: 1, total: 2, text: 'link udp b c' });
    return failed;
  };
  const undone = await vnet('adapt apply p12 --yes', { overlay });
  t.equal(undone.code, 1);
  t.match(undone.out, /Failed\. [^\n]*\n {2}> move web {2}a → b\n[\s\S]*c refused web: no room\n/);
});

t.test('Ctrl-C while it is applied', async (t) => {
  const overlay = adapting();
  const interrupt = new AbortController();
  overlay.applyAdaptation = async () => {
    interrupt.abort();
    return fakeRecord({ outcome: 'applied' });
  };
  const { code, err } = await vnet('adapt apply p12 --yes', {
    overlay,
    context: { signal: interrupt.signal },
  });
  t.equal(code, 0);
  t.match(err, 'It goes on. Ctrl-C again leaves it alone; `vnet adapt history` tells what became of it.');
});

t.test('adapt alone', async (t) => {
  const overlay = adapting();
  const { code, out } = await vnet('adapt', { overlay });
  t.equal(code, 0);
  t.match(out, /^Adaptation {2}auto {2}nothing better by 10%; owns 1 link, 2 routes, 1 reservation\n/);
  t.match(out, /\nmechanisms {2}migration,topology {3}what it may use\n/);
  t.match(out, /\nsettle {6}5\.0 s /);
  t.match(
    out,
    '\nOwns\n  link udp b c\n  route web <-> cache via b c\n  route db <-> cache via b c\n  reserve udp b -> c',
  );
  t.match(out, '\nLast plan\n  p13 of lab: Nothing better was found\n');
  t.match(out, /\nLast changes\nAT [\s\S]* r7 .* kept [\s\S]* r6 .* taken-back /);
  t.strictSame(overlay.adaptCalls, [['adaptation', 5]]);
  t.match(JSON.parse((await vnet('adapt --json', { overlay })).out), {
    settings: { mode: 'auto' },
    plans: [{ id: 'p13' }],
  });

  const [route] = overlay.adaptView.adapted.routes;
  overlay.adaptView.adapted.routes = Array.from({ length: 30 }, () => route!);
  t.match(
    (await vnet('adapt', { overlay })).out,
    /\n {2}route web <-> cache via b c\n {2}and 12 more: --json\n/,
  );

  const fresh = await vnet('adapt');
  t.match(fresh.out, /^Adaptation {2}off {2}owns nothing\n/);
  t.notMatch(fresh.out, /Owns|Last/);
  t.match((await vnet('adapt plna')).err, "there is no verb 'adapt plna'\nhint: did you mean plan?");
  t.match((await vnet('adapt frobnicate')).err, 'hint: `vnet adapt --help` lists what there is');
  const away = new FakeOverlay();
  away.proxyAway = true;
  t.match((await vnet('adapt', { overlay: away })).err, 'the Proxy is away');
});

t.test('set, on, advise, off', async (t) => {
  const overlay = adapting();
  const flags =
    '--mode advise --gain 20% --settle 10s --confirm 2s --horizon 10m --link-type tcp --moves 4 --links 3';
  const set = await vnet(`adapt set ${flags}`, { overlay });
  t.match(set.out, /^Set\.\nmode {8}advise /);
  t.strictSame(overlay.adaptCalls.at(-1), [
    'setAdaptation',
    {
      mode: 'advise',
      linksPerHost: 3,
      gainThreshold: 0.2,
      settleMs: 10_000,
      confirmMs: 2000,
      horizonMs: 600_000,
      linkType: 'tcp',
      movesMax: 4,
    },
  ]);
  for (const wrong of [
    '--gain 1001%',
    '--settle 2h',
    '--horizon 0s',
    '--moves many',
    '--mode on',
    '--link-type gre',
  ])
    t.equal((await vnet(`adapt set ${wrong}`, { overlay })).code, 1, wrong);
  const shown = await vnet('adapt set --json', { overlay });
  t.match(JSON.parse(shown.out), { gainThreshold: 0.2, settleMs: 10_000 });
  t.strictSame(overlay.adaptCalls.at(-1), ['adaptation', 0], 'without flags it shows');

  for (const [word, mode] of [
    ['on', 'auto'],
    ['advise', 'advise'],
    ['off', 'off'],
  ] as const) {
    const { code, out } = await vnet(`adapt ${word}`, { overlay });
    t.equal(code, 0);
    t.match(out, new RegExp(`^Adaptation {2}${mode} `));
    t.equal(overlay.adaptView.settings.mode, mode);
    t.equal(/What it made stays: `vnet adapt clear` removes it\./.test(out), word === 'off');
  }
});

t.test('why', async (t) => {
  const overlay = adapting();
  const yours = fakeReason({
    subject: 'a b',
    owner: 'user',
    text: 'the link udp a b is in your script',
    evidence: [],
  });
  delete yours.record;
  overlay.adaptReasons = { web: fakeReason(), 'a b': yours };
  const { out } = await vnet('adapt why web', { overlay });
  t.equal(
    out,
    `web  owner adapt
  web runs on b since 2026-01-02 03:04:05: it and db exchanged 12.3 Mbit/s over a way that had 3.10 Mbit/s

Evidence
  web sends db 12.3 Mbit/s  400 ms old, confidence 90%

Change  2026-01-02 03:04:05, by auto
Kept. 1 move, 1 link, 2 routes in 3.2 s (record r7)
  > move web  a → b
  + link udp b c
  + route web <-> cache via b c
  + route db <-> cache via b c
  worth it: the flows' rates grow by 85%, and the threshold is 10%
  +85% predicted; +79% measured
`,
  );
  t.equal((await vnet(`adapt why ${WEB}`, { overlay })).out, out, 'an address is as good as a name');
  const link = 'a b  owner user: adaptation leaves it alone\n  the link udp a b is in your script\n';
  t.equal((await vnet('adapt why a b', { overlay })).out, link);
  t.equal((await vnet('adapt why a-b', { overlay })).out, link);
  overlay.adaptReasons['web db'] = fakeReason({
    subject: 'web db',
    text: 'the route of web and db was made',
  });
  t.match(
    (await vnet(`adapt why ${WEB} db`, { overlay })).out,
    /^web db {2}owner adapt\n {2}the route of web and db/,
  );
  t.match(JSON.parse((await vnet('adapt why a b --json', { overlay })).out), { owner: 'user' });
  for (const [words, says] of [
    ['wbe', 'no VM is called "wbe"\nhint: did you mean web?'],
    ['a', 'a is a host\nhint: a link has two: vnet adapt why a home'],
    ['a bb', 'no host is called "bb"'],
  ] as const)
    t.match((await vnet(`adapt why ${words}`, { overlay })).err, says);
});

t.test('history and clear', async (t) => {
  const overlay = adapting();
  const { out } = await vnet('adapt history -n 1', { overlay });
  t.equal(
    out,
    'AT                   ID  NETWORK  BY    OUTCOME  CHANGE                    PREDICTED  MEASURED  REASON\n' +
      "2026-01-02 03:04:05  r7  lab      auto  kept     1 move, 1 link, 2 routes       +85%      +79%  worth it: the flows' rates grow by 85%, and the threshold is 10%\n",
  );
  t.match(JSON.parse((await vnet('adapt history --json', { overlay })).out), [
    { id: 'r7' },
    { outcome: 'taken-back' },
  ]);
  t.match((await vnet('adapt history -n 1001', { overlay })).err, '"1001" is not a number of records');
  t.match((await vnet('adapt history')).out, 'Nothing yet: `vnet adapt plan` shows what could be done.');

  t.equal((await vnet('adapt clear', { overlay, tty: true, answer: false })).code, 1);
  overlay.clearAdaptation = async () => {
    overlay.adaptView = { ...overlay.adaptView, adapted: NOTHING_ADAPTED };
    const [link] = fakeAdaptView().adapted.links;
    const actions = link === undefined ? [] : [{ kind: 'link' as const, sign: '-' as const, link }];
    const record = fakeRecord({
      outcome: 'applied',
      by: 'user',
      reason: 'asked for',
      actions,
      predictedGain: 0,
    });
    delete record.measuredGain;
    return record;
  };
  const cleared = await vnet('adapt clear', { overlay, tty: true, answer: true });
  t.strictSame(cleared.asked, ['Remove 1 link, 2 routes, 1 reservation? [y/N] ']);
  t.match(cleared.out, /Applied\..* 1 removed in/);
  overlay.clearAdaptation = async () => undefined;
  t.match(
    (await vnet('adapt clear', { overlay })).out,
    /owns nothing\nNothing to remove\.\n$/,
    'nobody is asked',
  );
});

t.test('other verbs show it', async (t) => {
  const overlay = adapting();
  t.match(
    (await vnet('status', { overlay })).out,
    /\nAdaptation {2}auto {2}nothing better by 10%; owns 1 link, 2 routes, 1 reservation\n/,
  );
  t.match(JSON.parse((await vnet('status --json', { overlay })).out), {
    adaptation: { mode: 'auto', state: 'nothing better by 10%', adapted: { links: [{ a: 'b', b: 'c' }] } },
  });
  overlay.adaptation = async () => {
    throw new VnetError('VNET_ERR_NOT_FOUND', 'no such path');
  };
  t.notMatch((await vnet('status', { overlay })).out, 'Adaptation', 'a Proxy of an earlier version');

  const at = '2026-01-02T03:04:05.678Z';
  overlay.emitted = [
    {
      kind: 'adaptation',
      at,
      network: 'lab',
      record: 'r7',
      outcome: 'taken-back',
      text: 'a move of web: 12% less',
    },
    { kind: 'change', at, revision: 8, steps: 2 },
  ];
  t.equal(
    (await vnet('events --kind adaptation', { overlay })).out,
    '2026-01-02 03:04:05  adapt   lab taken-back  a move of web: 12% less\n',
  );

  const [link] = overlay.views['a']!.links;
  Object.assign(link!, { owner: 'adapt' });
  t.match((await vnet('links', { overlay })).out, / adapt /);
  const [hop] = overlay.routes['web db']!.hops;
  hop!.rule = { ...hop!.rule!, owner: 'adapt' };
  t.match((await vnet('route web db', { overlay })).out, /route, adapt\n/);
});

t.test('docs/adaptation.md says what is so', async (t) => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/adaptation.md'), 'utf8');
  const overlay = adapting();
  overlay.adaptReasons = { web: fakeReason() };

  const [, script = ''] = /^```sh\n([^]*?)^```$/m.exec(text) ?? [];
  const lines = script.split('\n').filter((line) => line !== '');
  t.ok(lines.length >= 5);
  for (const line of lines) {
    const words = line
      .replace(/\s*#.*/, '')
      .split(' ')
      .slice(1);
    const { code, err } = await vnet(words, { overlay });
    t.ok(code === 0 || code === 2, `${line}: ${err}`);
  }

  const rows = (heading: string): string[][] => {
    const [, table = ''] =
      new RegExp(`^\\| ${heading} .*\\n\\| ---.*\\n((?:\\|.*\\n)+)`, 'm').exec(text) ?? [];
    const cells = (line: string) => line.split('|').map((cell) => cell.trim().replaceAll('`', ''));
    return table
      .trim()
      .split('\n')
      .map((line) => cells(line).slice(1));
  };
  const flags = rows('setting').flatMap(([name, value = '']) => [`--${name}`, value.replace(' ', '')]);
  await vnet(['adapt', 'set', ...flags], { overlay });
  t.strictSame(
    overlay.adaptCalls.at(-1),
    ['setAdaptation', DEFAULT_ADAPT],
    'the settings, all, with their defaults',
  );
  t.strictSame(
    rows('`--objective`').map(([name]) => name),
    ADAPT_OBJECTIVES,
  );
  t.strictSame(Object.keys(OBJECTIVES), ADAPT_OBJECTIVES, 'and the names are those there are');
});
