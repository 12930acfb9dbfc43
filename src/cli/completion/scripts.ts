/**
 * Completion for shells. The scripts only ask the program itself, by its hidden command `__complete`, so that they never
 * lag behind it.
 */

/** The shells that are known. */
export const shells = ['bash', 'zsh', 'fish'] as const;

/** A shell. */
export type Shell = (typeof shells)[number];

const bash = `# kubectl-baseline completion for bash. Load it with: source <(kubectl-baseline completion bash)
_kubectl_baseline() {
  local word="\${COMP_WORDS[COMP_CWORD]}" line
  COMPREPLY=()
  while IFS='' read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <(kubectl-baseline __complete "\${COMP_WORDS[@]:1:COMP_CWORD-1}" "$word" 2>/dev/null)
  if [[ \${#COMPREPLY[@]} -eq 0 ]]; then compopt -o default 2>/dev/null; fi
}
complete -F _kubectl_baseline kubectl-baseline
`;

const zsh = `#compdef kubectl-baseline
# kubectl-baseline completion for zsh. Load it with: source <(kubectl-baseline completion zsh)
_kubectl_baseline() {
  local -a lines candidates
  lines=("\${(@f)$(kubectl-baseline __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  local line
  for line in $lines; do
    [[ -n $line ]] && candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( \${#candidates} )); then _describe 'kubectl-baseline' candidates; else _files; fi
}
compdef _kubectl_baseline kubectl-baseline
`;

const fish = `# kubectl-baseline completion for fish. Load it with: kubectl-baseline completion fish | source
function __kubectl_baseline_complete
  set -l words (commandline -opc) (commandline -ct)
  kubectl-baseline __complete $words[2..-1] 2>/dev/null
end
complete -c kubectl-baseline -a '(__kubectl_baseline_complete)'
`;

/** The script for a shell. */
export const scripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };
