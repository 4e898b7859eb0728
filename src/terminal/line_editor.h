#pragma once

// Lines from a person at a terminal: editing and history by libedit, pasted text in one piece (bracketed paste),
// Ctrl-C as a value. One per process; belongs to one thread. The terminal is restored by the destructor.

#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "terminal/line_source.h"

namespace urial::terminal {

class LineEditor final : public LineSource {
public:
    /// `history` is read now and written after every message, 0600; nothing where it cannot be kept.
    LineEditor(std::optional<std::filesystem::path> history, bool coloured);
    ~LineEditor() override;

    Read read(std::string_view prompt) override;
    void remember(std::string_view message) override;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Lines from a pipe or a file.
class PlainLines final : public LineSource {
public:
    /// `bytes` is used as long as this object; standard input where nothing is given.
    explicit PlainLines(std::istream& bytes = std::cin) : bytes_(bytes) {}

    /// Throws Error{BadInput} for a line of more than kMostMessageBytes, which ends the input.
    Read read(std::string_view prompt) override;

private:
    std::istream& bytes_;
};

}  // namespace urial::terminal
