// Three functions that the grammars of JSON schemas want of llama.cpp's common.cpp, which would bring half of its
// programs along. Compiled with its header, so that a change of their form is an error here.

#include <common.h>

std::string string_join(const std::vector<std::string>& values, const std::string& separator) {
    std::string joined;
    for (const std::string& value : values) joined += (&value == &values.front() ? "" : separator) + value;
    return joined;
}

std::vector<std::string> string_split(const std::string& text, const std::string& delimiter) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    for (std::size_t end; (end = text.find(delimiter, begin)) != std::string::npos; begin = end + delimiter.size()) {
        parts.push_back(text.substr(begin, end - begin));
    }
    parts.push_back(text.substr(begin));
    return parts;
}

std::string string_repeat(const std::string& text, std::size_t times) {
    std::string repeated;
    for (std::size_t i = 0; i < times; ++i) repeated += text;
    return repeated;
}
