#include "terminal/line_editor.h"

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstring>
#include <cwchar>

#include <histedit.h>
#include <langinfo.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "terminal/interrupt.h"

namespace urial::terminal {
namespace {

constexpr int kHistoryEntries = 1000;
/// How soon Ctrl-C, a new window size and a return from Ctrl-Z are noticed while nobody types.
constexpr int kPollMilliseconds = 100;
constexpr const char* kPasteOn = "\x1b[?2004h";
constexpr const char* kPasteOff = "\x1b[?2004l";
constexpr std::wstring_view kPasteEnd = L"\x1b[201~";
constexpr wchar_t kPromptEscape = L'\1';

/// libedit measures text with the C locale's functions: without UTF-8 every umlaut would be lost.
void ensure_utf8_locale() {
    std::setlocale(LC_CTYPE, "");
    if (std::strcmp(::nl_langinfo(CODESET), "UTF-8") != 0) std::setlocale(LC_CTYPE, "C.UTF-8");
}

std::wstring to_wide(std::string_view text) {
    const std::string valid = replace_invalid_utf8(text);
    std::wstring wide(valid.size() + 1, L'\0');
    const std::size_t length = std::mbstowcs(wide.data(), valid.c_str(), wide.size());
    wide.resize(length == static_cast<std::size_t>(-1) ? 0 : length);
    return wide;
}

std::string to_utf8(std::wstring_view wide) {
    std::string text;
    char bytes[MB_LEN_MAX];
    std::mbstate_t state{};
    for (const wchar_t character : wide) {
        const std::size_t length = std::wcrtomb(bytes, character, &state);
        if (length != static_cast<std::size_t>(-1)) text.append(bytes, length);
    }
    return text;
}

}  // namespace

struct LineEditor::State {
    EditLine* editor = nullptr;
    HistoryW* history = nullptr;
    std::optional<fs::path> history_file;
    std::wstring prompt;
    bool coloured = false;
    bool interrupted = false;
    bool ended = false;
    std::wstring typed;  // what stood in the line when Ctrl-C came
    winsize window{};

    static State& of(EditLine* editor) {
        void* data = nullptr;
        el_wget(editor, EL_CLIENTDATA, &data);
        return *static_cast<State*>(data);
    }

    void follow_window_size() {
        winsize now{};
        if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &now) != 0) return;
        if (now.ws_row == window.ws_row && now.ws_col == window.ws_col) return;
        window = now;
        el_resize(editor);
    }

    /// After Ctrl-Z and fg the shell leaves the terminal in line mode: libedit must set its own mode again.
    void take_terminal_back() {
        termios mode{};
        if (::tcgetattr(STDIN_FILENO, &mode) != 0 || (mode.c_lflag & ICANON) == 0) return;
        el_wset(editor, EL_PREP_TERM, 0);
        el_wset(editor, EL_PREP_TERM, 1);
        el_wset(editor, EL_REFRESH);
    }

    bool wait_for_input() {
        pollfd input{STDIN_FILENO, POLLIN, 0};
        for (;;) {
            if (terminal::interrupted()) {
                const LineInfoW* line = el_wline(editor);
                typed.assign(line->buffer, line->lastchar);
                interrupted = true;
                return false;
            }
            follow_window_size();
            take_terminal_back();
            const int ready = ::poll(&input, 1, kPollMilliseconds);
            if (ready > 0) return true;
            if (ready < 0 && errno != EINTR) return false;
        }
    }

    /// libedit's way to get a character: 1 and the character, or -1.
    int next_character(wchar_t& character) {
        std::mbstate_t state{};
        for (;;) {
            if (!wait_for_input()) return -1;
            char byte = 0;
            const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) {
                ended = true;
                return -1;
            }
            const std::size_t length = std::mbrtowc(&character, &byte, 1, &state);
            if (length == static_cast<std::size_t>(-2)) continue;
            if (length == static_cast<std::size_t>(-1)) {
                character = L'\uFFFD';
                return 1;
            }
            return 1;
        }
    }

    /// The terminal marks where pasted text begins and ends: in between, a newline sends nothing.
    unsigned char insert_paste() {
        std::wstring text;
        wchar_t character = 0;
        while (el_wgetc(editor, &character) == 1) {
            text += character == L'\r' ? L'\n' : character;
            if (text.ends_with(kPasteEnd)) {
                text.resize(text.size() - kPasteEnd.size());
                break;
            }
        }
        while (text.ends_with(L'\n')) text.pop_back();
        if (text.empty() || el_winsertstr(editor, text.c_str()) != 0) return CC_REFRESH_BEEP;
        return CC_REFRESH;
    }
};

LineEditor::LineEditor(std::optional<fs::path> history, bool coloured) : state_(std::make_unique<State>()) {
    ensure_utf8_locale();
    State& state = *state_;
    state.history_file = std::move(history);
    state.coloured = coloured;
    state.editor = el_init("urial", stdin, stdout, stderr);
    if (state.editor == nullptr) throw Error(ErrorKind::Io, "the terminal cannot be used for line editing");
    ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &state.window);
    EditLine* editor = state.editor;
    el_wset(editor, EL_CLIENTDATA, &state);
    el_wset(editor, EL_EDITOR, L"emacs");
    el_wset(
        editor, EL_PROMPT_ESC, +[](EditLine* el) { return State::of(el).prompt.data(); }, kPromptEscape);
    el_wset(
        editor, EL_GETCFN, +[](EditLine* el, wchar_t* character) { return State::of(el).next_character(*character); });
    el_wset(
        editor, EL_ADDFN, L"urial-paste", L"Insert pasted text",
        +[](EditLine* el, wint_t) -> unsigned char { return State::of(el).insert_paste(); });
    el_wset(editor, EL_BIND, L"\x1b[200~", L"urial-paste", nullptr);
    el_wset(editor, EL_BIND, L"^R", L"em-inc-search-prev", nullptr);

    state.history = history_winit();
    HistEventW event;
    history_w(state.history, &event, H_SETSIZE, kHistoryEntries);
    history_w(state.history, &event, H_SETUNIQUE, 1);
    el_wset(editor, EL_HIST, history_w, state.history);
    if (state.history_file) history_w(state.history, &event, H_LOAD, state.history_file->c_str());
}

LineEditor::~LineEditor() {
    history_wend(state_->history);
    el_end(state_->editor);
}

LineSource::Read LineEditor::read(std::string_view prompt) {
    State& state = *state_;
    state.prompt = to_wide(prompt);
    if (state.coloured) state.prompt = L"\1\x1b[1;32m\1" + state.prompt + L"\1\x1b[0m\1";
    state.interrupted = false;
    std::fputs(kPasteOn, stdout);
    std::fflush(stdout);
    // Before the prompt, not after it as libedit does: whoever sees the prompt types into the editor.
    el_wset(state.editor, EL_PREP_TERM, 1);
    int count = 0;
    const wchar_t* line = el_wgets(state.editor, &count);
    std::fputs(kPasteOff, stdout);
    Read result;
    if (line != nullptr && count > 0) {
        std::wstring_view text(line, static_cast<std::size_t>(count));
        if (text.ends_with(L'\n')) text.remove_suffix(1);
        result = {Status::Line, to_utf8(text)};
    } else {
        std::fputs("\n", stdout);
        el_reset(state.editor);
        if (state.interrupted) result = {Status::Interrupted, to_utf8(state.typed)};
    }
    std::fflush(stdout);
    return result;
}

void LineEditor::remember(std::string_view message) {
    State& state = *state_;
    HistEventW event;
    history_w(state.history, &event, H_ENTER, to_wide(message).c_str());
    // libedit creates the file for its owner alone.
    if (state.history_file) history_w(state.history, &event, H_SAVE, state.history_file->c_str());
}

LineSource::Read PlainLines::read(std::string_view) {
    Read result;
    int byte = bytes_.get();
    const bool has_line = byte != std::istream::traits_type::eof();
    for (; byte != std::istream::traits_type::eof() && byte != '\n'; byte = bytes_.get()) {
        result.text += static_cast<char>(byte);
        if (result.text.size() <= kMostMessageBytes) continue;
        bytes_.setstate(std::ios::failbit);  // what follows is no message either
        throw error(ErrorKind::BadInput, "standard input: a line of more than {}, the most that a message may have",
                    human_bytes(static_cast<double>(kMostMessageBytes)));
    }
    if (!has_line) {
        result.status = interrupted() ? Status::Interrupted : Status::End;
        return result;
    }
    if (result.text.ends_with('\r')) result.text.pop_back();
    result.status = Status::Line;
    return result;
}

}  // namespace urial::terminal
