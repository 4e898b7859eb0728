#include "terminal/external_editor.h"

#include <cstdlib>

#include <sys/wait.h>

#include "base/error.h"
#include "base/files.h"
#include "terminal/standard_streams.h"

namespace urial::terminal {
namespace {

std::string shell_quoted(const std::string& text) {
    std::string quoted = "'";
    for (const char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
    return quoted + "'";
}

std::string editor_command() {
    for (const char* name : {"VISUAL", "EDITOR"}) {
        if (const auto value = environment(name)) return *value;
    }
    return "vi";
}

}  // namespace

std::string edit_in_editor(const std::string& text) {
    const TemporaryFolder folder;
    const fs::path file = folder.path() / "message.txt";
    write_file_atomic(file, text + "\n", 0600);
    const std::string editor = editor_command();
    // The variable may hold arguments, so a shell reads it, as git and others do.
    const int status = std::system((editor + " " + shell_quoted(file.string())).c_str());
    if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        throw error(ErrorKind::Io, "the editor '{}' failed; set EDITOR to one that works", editor);
    }
    std::string edited = read_text_file(file);
    while (edited.ends_with('\n')) edited.pop_back();
    return edited;
}

}  // namespace urial::terminal
