"""The scripts with which shells complete commands: they ask `longshore _complete` what may come next."""

from cli.client.exits import DONE, Usage
from cli.client.output import print_stopped
from cli.output import show

BASH = """\
# Completion of longshore for bash. Put this into ~/.bashrc:
#   source <(longshore completion bash)
_longshore() {
    local word
    COMPREPLY=()
    while IFS= read -r word; do
        COMPREPLY+=("$(printf '%q' "$word")")
    done < <(longshore _complete bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _longshore longshore
"""
ZSH = """\
#compdef longshore
# Completion of longshore for zsh. Put this into ~/.zshrc, after compinit:
#   source <(longshore completion zsh)
_longshore() {
    local -a found
    found=("${(@f)$(longshore _complete zsh "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    [[ -n "$found" ]] && _describe 'longshore' found
}
if [[ "$funcstack[1]" = "_longshore" ]]; then
    _longshore "$@"
else
    compdef _longshore longshore
fi
"""
FISH = """\
# Completion of longshore for fish. Run once:
#   longshore completion fish > ~/.config/fish/completions/longshore.fish
function __longshore_complete
    set -l words (commandline --tokenize --cut-at-cursor) (commandline --current-token --cut-at-cursor)
    longshore _complete fish $words[2..-1] 2>/dev/null
end
complete --command longshore --no-files --arguments '(__longshore_complete)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def print_script(shell: str) -> int:
    """Print the completion script for a shell. Refuses a shell that there is none for."""
    if shell not in SCRIPTS:
        stopped = Usage(f"There is no completion for `{shell}`: name one of {', '.join(SCRIPTS)}.")
        print_stopped(stopped, as_json=False)
        return stopped.code
    show(SCRIPTS[shell].rstrip())
    return DONE
