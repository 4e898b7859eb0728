#pragma once

// A file that is compiled into the program (cmake/EmbedFiles.cmake).

#include <string_view>

namespace urial {

struct EmbeddedFile {
    std::string_view name;
    std::string_view content;
};

}  // namespace urial
