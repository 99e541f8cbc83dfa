import type { Command } from 'commander';
import { VnetError } from '../../core/index.js';
import type { CliContext } from '../context.js';
import { act, addVerb, GROUPS } from '../run.js';

/** Verbs whose arguments are files, and those whose arguments are names of hosts and VMs. */
const FILE_VERBS = ['check', 'diff', 'apply', 'up', 'record', 'replay', 'adapt', 'sim'];
const NAME_VERBS = ['route', 'ping', 'perf', 'doctor', 'link', 'vm', 'port', 'rule', 'adapt'];

export function addCompletion(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'completion <shell>',
    group: GROUPS.more,
    summary: 'completion for bash, zsh or fish',
    about:
      'Prints a script that completes verbs, options, files and, from the running overlay, names of hosts and ' +
      'VMs. (`completion names` prints those names; the scripts call it.)',
    examples: [
      ['completion bash > /etc/bash_completion.d/vnet', 'bash, for everyone'],
      ['completion zsh > "${fpath[1]}/_vnet"', 'zsh'],
      ['completion fish > ~/.config/fish/completions/vnet.fish', 'fish'],
    ],
  });
  act<[string]>(command, context, async (run, _options, shell) => {
    if (shell === 'names') {
      const overlay = await run.overlayIfReachable();
      const names = [...(overlay?.hosts ?? []), ...(overlay?.vms ?? [])].map((each) => each.name);
      if (names.length > 0) run.print(...new Set(names));
      return;
    }
    const print = SHELLS[shell];
    if (!print)
      throw new VnetError('VNET_ERR_INVALID', `no completion for "${shell}"`, { hint: 'bash, zsh or fish' });
    run.print(print(treeOf(program)).trimEnd());
  });
}

/** A verb with its actions (`add`, `delete`) and options. */
interface Verb {
  name: string;
  summary: string;
  options: string[];
  actions: Verb[];
}

function treeOf(command: Command): Verb {
  return {
    name: command.name(),
    summary: command.summary(),
    options: [...command.options.map((option) => option.long ?? option.short ?? ''), '--help'],
    actions: command.commands.map(treeOf),
  };
}

const names = (verbs: Verb[]): string => verbs.map((verb) => verb.name).join(' ');
const allOptions = (program: Verb, verb: Verb): string =>
  [
    ...new Set([...verb.options, ...verb.actions.flatMap((action) => action.options), ...program.options]),
  ].join(' ');

function bash(program: Verb): string {
  const cases = program.actions.map((verb) => {
    const words = [
      names(verb.actions),
      allOptions(program, verb),
      ...(NAME_VERBS.includes(verb.name) ? ['$(vnet completion names 2>/dev/null)'] : []),
    ];
    const files = FILE_VERBS.includes(verb.name) ? ' COMPREPLY+=($(compgen -f -- "$cur"));' : '';
    return `    ${verb.name}) COMPREPLY=($(compgen -W "${words.join(' ').trim()}" -- "$cur"));${files} ;;`;
  });
  return `# bash completion for vnet
_vnet() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" verb="" previous="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$previous" in --socket|--host) previous=""; continue ;; esac
    case "$word" in -*) ;; *) verb="$word"; break ;; esac
    previous="$word"
  done
  COMPREPLY=()
  case "$verb" in
    "") COMPREPLY=($(compgen -W "${names(program.actions)} ${program.options.join(' ')}" -- "$cur")) ;;
${cases.join('\n')}
  esac
}
complete -o filenames -F _vnet vnet
`;
}

/** Single-quoted for zsh and fish. */
const quoted = (text: string, escape: string): string => `'${text.replaceAll("'", escape)}'`;

function zsh(program: Verb): string {
  const described = (verbs: Verb[]): string =>
    verbs.map((verb) => quoted(`${verb.name}:${verb.summary.replaceAll(':', '\\:')}`, "'\\''")).join(' ');
  const cases = program.actions.map((verb) => {
    const steps = [
      `[[ $PREFIX == -* ]] && compadd -- ${allOptions(program, verb)}`,
      ...(verb.actions.length > 0
        ? [
            `(( CURRENT == 3 )) && { local -a actions=(${described(verb.actions)}); _describe action actions }`,
          ]
        : []),
      ...(FILE_VERBS.includes(verb.name) ? ['_files'] : []),
      ...(NAME_VERBS.includes(verb.name) ? ['compadd -- ${(f)"$(vnet completion names 2>/dev/null)"}'] : []),
    ];
    return `    ${verb.name})\n${steps.map((step) => `      ${step}`).join('\n')}\n      ;;`;
  });
  return `#compdef vnet
_vnet() {
  local -a verbs=(${described(program.actions)})
  if (( CURRENT == 2 )); then
    _describe verb verbs
    [[ $PREFIX == -* ]] && compadd -- ${program.options.join(' ')}
    return
  fi
  case $words[2] in
${cases.join('\n')}
  esac
}
compdef _vnet vnet
`;
}

function fish(program: Verb): string {
  const lines = ['# fish completion for vnet', 'complete -c vnet -f'];
  for (const verb of program.actions) {
    const inside = `-n '__fish_seen_subcommand_from ${verb.name}'`;
    lines.push(`complete -c vnet -n __fish_use_subcommand -a ${verb.name} -d ${quoted(verb.summary, "\\'")}`);
    for (const action of verb.actions)
      lines.push(`complete -c vnet ${inside} -a ${action.name} -d ${quoted(action.summary, "\\'")}`);
    for (const option of verb.options)
      lines.push(`complete -c vnet ${inside} -l ${option.replace(/^-+/, '')}`);
    if (FILE_VERBS.includes(verb.name)) lines.push(`complete -c vnet ${inside} -F`);
    if (NAME_VERBS.includes(verb.name))
      lines.push(`complete -c vnet ${inside} -a '(vnet completion names 2>/dev/null)'`);
  }
  for (const option of program.options) lines.push(`complete -c vnet -l ${option.replace(/^-+/, '')}`);
  return `${lines.join('\n')}\n`;
}

const SHELLS: Record<string, (program: Verb) => string> = { bash, zsh, fish };
