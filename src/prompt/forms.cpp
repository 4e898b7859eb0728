#include "prompt/forms.h"

#include <fmt/format.h>

namespace urial::prompt {

TurnForm styled_form(std::string_view query_header, std::string_view answer_header, bool fenced) {
    const std::string_view open = fenced ? "\n```\n" : "\n\n";
    const std::string_view close = fenced ? "\n```\n" : "\n\n";
    return {.query_open = fmt::format("\n{}{}", query_header, open),
            .query_close = std::string(close),
            .answer_open = fmt::format("\n{}{}", answer_header, open),
            .answer_close = std::string(close)};
}

bool same_texts(const TurnForm& left, const TurnForm& right) {
    return left.query_open == right.query_open && left.query_close == right.query_close &&
           left.answer_open == right.answer_open && left.answer_close == right.answer_close;
}

FenceLine read_fence(std::string_view line) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    const std::size_t after = line.find_first_not_of('`', begin);
    const std::size_t run = (after == std::string_view::npos ? line.size() : after) - begin;
    if (run < kFence.size()) return {};
    const std::string_view rest = line.substr(begin + run);
    if (rest.find('`') != std::string_view::npos) return {};
    return {.indentation = begin, .run = run, .bare = rest.find_first_not_of(" \t\r") == std::string_view::npos};
}

}  // namespace urial::prompt
