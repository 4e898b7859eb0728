#pragma once

// What urial keeps of models in the user's own cache: the files of aliases and the hashes of files.

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "models/models.h"

namespace urial::models {

/// Where the file of an alias is kept.
std::filesystem::path alias_path(const Alias& alias);

/// content_hash() of models.h with another way to read a file's sha256.
std::string content_hash(const std::filesystem::path& path,
                         const std::function<std::string(const std::filesystem::path&)>& read);
/// Where the hash of a file is remembered, whether it is or not.
std::filesystem::path content_hash_record(const std::filesystem::path& path);

/// Notes a hash that is known without reading the file (a verified download). A cache that cannot be written is no
/// error.
void remember_content_hash(const std::filesystem::path& path, std::string_view sha256);

}  // namespace urial::models
