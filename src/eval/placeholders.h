#pragma once

// Templates of rubrics: literal text and {{placeholders}}. Internal to eval.

#include <string>
#include <string_view>
#include <vector>

namespace urial::eval {

struct TemplatePart {
    std::string text;  ///< literal text, or the placeholder's name
    bool is_placeholder = false;
};

/// An opening {{ without a closing }} is literal text.
std::vector<TemplatePart> split_template(std::string_view text);

const std::vector<std::string>& placeholder_names();

}  // namespace urial::eval
