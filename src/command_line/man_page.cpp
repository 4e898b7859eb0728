#include <fmt/format.h>

#include "base/text.h"
#include "command_line/command_tree.h"

namespace urial::command_line {
namespace {

/// Text as roff takes it literally: backslashes and hyphens escaped, no line that begins with a control character.
std::string roff(std::string_view text) {
    std::string out;
    bool line_start = true;
    for (const char c : text) {
        if (line_start && (c == '.' || c == '\'')) out += "\\&";
        if (c == '\\') {
            out += "\\e";
        } else if (c == '-') {
            out += "\\-";
        } else {
            out += c;
        }
        line_start = c == '\n';
    }
    return out;
}

std::string bold(std::string_view text) { return "\\fB" + roff(text) + "\\fR"; }

std::string entry(std::string_view heading, std::string_view text) {
    return fmt::format(".TP\n{}\n{}\n", bold(heading), roff(text));
}

std::string option_text(const OptionInfo& option) {
    std::string text = option_help(option) + ".";
    if (option.required && option.positional.empty()) text += " Required.";
    if (!option.default_text.empty()) text += fmt::format(" Default: {}.", option.default_text);
    return text;
}

std::string options_of(const CommandInfo& command) {
    std::string out;
    for (const OptionInfo& option : command.options) out += entry(option_heading(option), option_text(option));
    return out;
}

std::string settings_section(std::span<const ManualEntry> settings) {
    std::string out =
        ".SH SETTINGS\nA flag wins over the environment, that over the project's \\fIurial.toml\\fR, that over "
        "the user's \\fIconfig.toml\\fR, that over the default.\n";
    for (const ManualEntry& setting : settings) out += entry(setting.name, setting.text);
    return out;
}

constexpr std::string_view kTail = R"(.SH FILES
.TP
.I urial.toml
Settings of a project: in the current folder, or in a parent up to the one that holds \fI.git\fR.
.TP
.I ~/.config/urial/config.toml
Settings of the user (\fBXDG_CONFIG_HOME\fR and \fBURIAL_CONFIG_DIR\fR are honoured).
.TP
.I ~/.cache/urial
Models and prefix snapshots (\fBXDG_CACHE_HOME\fR and \fBURIAL_CACHE\fR).
.TP
.I ~/.local/state/urial/history
What was typed in conversations (\fBXDG_STATE_HOME\fR).
.TP
.I ~/.local/share/urial/conversations.db
Conversations of the server's page (\fBXDG_DATA_HOME\fR and \fBURIAL_DATA\fR).
.SH EXIT STATUS
.TP
.B 0
Everything was done.
.TP
.B 1
Some of the work failed; what failed was reported.
.TP
.B 2
The command could not be carried out.
.TP
.B 130
Interrupted with Ctrl\-C.
)";

}  // namespace

std::string man_page(const CommandInfo& root, std::string_view version, std::span<const ManualEntry> settings) {
    std::string page = fmt::format(".TH URIAL 1 \"\" \"urial {}\" \"User Commands\"\n", roff(version));
    page += fmt::format(".SH NAME\nurial \\- {}\n.SH SYNOPSIS\n", roff(root.help));
    for (const CommandInfo* command : all_commands(root)) {
        if (!command->needs_subcommand) page += fmt::format("{}\n.br\n", roff(usage_line(*command)));
    }
    page += ".SH GLOBAL OPTIONS\nThey may stand before or behind the command.\n" + options_of(root);
    page += ".SH COMMANDS\n";
    for (const CommandInfo* command : all_commands(root)) {
        if (command == &root) continue;
        page += fmt::format(".SS {}\n{}.\n", roff(command->path), roff(command->help));
        if (!command->needs_subcommand) page += options_of(*command);
        if (!command->footer.empty()) page += fmt::format(".PP\n.nf\n{}\n.fi\n", roff(command->footer));
    }
    page += settings_section(settings);
    page += kTail;
    return page;
}

}  // namespace urial::command_line
