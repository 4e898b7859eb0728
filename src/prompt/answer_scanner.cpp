// The scanner reads one byte at a time, so that how the text was cut into pieces cannot matter. Three things can end an
// answer, and the one that is complete first wins (of those complete at the same byte, the one that began first):
//
//   - a stop string, at its last byte;
//   - a header at the start of a line, at its last byte;
//   - the answer's own closing fence, at the newline after it (only then is it known to have no language).
//
// A byte is held back only while it could belong to the beginning of one of these. The newline before a closing fence
// is a part of the fence; all newlines directly before a header are a part of the header. What a piece takes does not
// grow with the answer before it: a model that repeats itself for a million tokens is not to be waited for.

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "prompt/forms.h"
#include "prompt/prompt.h"

namespace urial::prompt {
namespace {

/// Length of the longest end of `text` that is a beginning of `word`, but not all of it.
std::size_t partial_match(std::string_view text, std::string_view word) {
    for (std::size_t length = std::min(text.size(), word.size() - 1); length > 0; --length) {
        if (text.ends_with(word.substr(0, length))) return length;
    }
    return 0;
}

}  // namespace

AnswerForm answer_form(const PromptSpec& spec) { return {spec.headers, spec.fenced, spec.stop}; }

AnswerScanner::AnswerScanner(AnswerForm form, std::vector<std::string> extra_stops)
    : headers_(std::move(form.headers)), stops_(std::move(form.stop)), fenced_(form.fenced) {
    stops_.insert(stops_.end(), extra_stops.begin(), extra_stops.end());
    const auto is_empty = [](const std::string& text) { return text.empty(); };
    if (std::any_of(stops_.begin(), stops_.end(), is_empty)) {
        throw error(ErrorKind::BadInput, "a stop string is empty: it would end every answer before its first byte");
    }
    if (std::any_of(headers_.begin(), headers_.end(), is_empty)) {
        throw error(ErrorKind::BadInput, "a header is empty: it would end every answer at its first line");
    }
}

std::string AnswerScanner::push(std::string_view piece) {
    for (const char byte : piece) {
        if (end_ != End::None) break;
        accept(byte);
    }
    return release(end_ == End::None ? sure_size() : text_.size());
}

std::string AnswerScanner::pass(std::string_view piece) {
    if (end_ != End::None) return {};
    for (const char byte : piece) {
        passed_ = text_.size() + 1;
        add(byte);
        if (byte == '\n') end_line();
    }
    return release(text_.size());
}

std::string AnswerScanner::finish() {
    if (end_ == End::None && closes_answer(line())) finish_at(newline_before(line_begin_), End::ClosingFence, {});
    return release(text_.size());
}

void AnswerScanner::add(char byte) {
    text_ += byte;
    const std::size_t column = line().size() - 1;
    may_be_fence_ &= column < kFence.size() ? byte == kFence[column] : byte == ' ' || byte == '\t' || byte == '\r';
}

void AnswerScanner::accept(char byte) {
    add(byte);
    std::size_t begin = text_.size();
    End end = End::None;
    std::string_view matched;
    for (const std::string& header : headers_) {
        if (line() != header || line_begin_ < passed_) continue;
        begin = newlines_begin_;
        end = End::Header;
        matched = header;
    }
    for (const std::string& stop : stops_) {
        if (!text_.ends_with(stop) || text_.size() - stop.size() >= begin) continue;
        if (text_.size() - stop.size() < passed_) continue;
        begin = text_.size() - stop.size();
        end = End::StopString;
        matched = stop;
    }
    if (end != End::None) {
        finish_at(begin, end, matched);
    } else if (byte == '\n') {
        end_line();
    }
}

void AnswerScanner::end_line() {
    const std::string_view complete = line().substr(0, line().size() - 1);
    if (closes_answer(complete)) return finish_at(newline_before(line_begin_), End::ClosingFence, {});
    const FenceLine fence = read_fence(complete);
    if (code_fence_ > 0) {
        if (fence.bare && fence.run >= code_fence_) code_fence_ = 0;
    } else {
        code_fence_ = fence.run;
    }
    const std::string_view words = trim(complete);
    if (!words.empty()) announces_code_ = words.ends_with(':');
    if (!complete.empty()) newlines_begin_ = text_.size() - 1;
    line_begin_ = text_.size();
    may_be_fence_ = true;
}

bool AnswerScanner::closes_answer(std::string_view complete_line) const {
    if (!fenced_ || code_fence_ > 0 || announces_code_ || line_begin_ < passed_) return false;
    const FenceLine fence = read_fence(complete_line);
    return fence.bare && fence.indentation == 0 && fence.run == kFence.size();
}

std::size_t AnswerScanner::sure_size() const {
    std::size_t begin = text_.size();
    const std::string_view open = std::string_view(text_).substr(passed_);
    for (const std::string& stop : stops_) begin = std::min(begin, text_.size() - partial_match(open, stop));
    const auto may_become = [this](const std::string& header) { return header.starts_with(line()); };
    if (std::any_of(headers_.begin(), headers_.end(), may_become)) {
        begin = std::min(begin, newlines_begin_);
    }
    const bool may_close = fenced_ && code_fence_ == 0 && !announces_code_ && may_be_fence_;
    if (may_close) begin = std::min(begin, newline_before(line_begin_));
    return std::max(begin, passed_);
}

void AnswerScanner::finish_at(std::size_t begin, End end, std::string_view matched) {
    begin = std::max(begin, passed_);
    assert(begin >= released_);
    text_.resize(begin);
    end_ = end;
    matched_ = matched;
}

std::string AnswerScanner::release(std::size_t limit) {
    std::string text = text_.substr(released_, limit - released_);
    released_ = limit;
    return text;
}

std::size_t AnswerScanner::newline_before(std::size_t position) const { return position > 0 ? position - 1 : 0; }

std::string_view AnswerScanner::line() const { return std::string_view(text_).substr(line_begin_); }

}  // namespace urial::prompt
