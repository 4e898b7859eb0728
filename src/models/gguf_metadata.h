#pragma once

// The metadata pairs of a GGUF that are kept, and the rules that their values must obey. The engine takes these rules
// for granted: where one does not hold it ends the process, or divides by zero. Pure values.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace urial::models {

enum class ValueType : std::uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };

struct Metadata {
    struct Array {
        ValueType type = ValueType::U8;
        std::uint64_t count = 0;
    };
    std::map<std::string, std::uint64_t> places;  ///< of every key: where its pair begins in the file
    std::map<std::string, std::string> texts;
    std::map<std::string, std::uint64_t> integers;  ///< a negative one is 0
    std::map<std::string, double> reals;
    std::map<std::string, Array> arrays;  ///< type and length; the values are not kept

    bool has(const std::string& key) const { return places.contains(key); }
    /// As valid UTF-8; empty where the key is absent.
    std::string text(const std::string& key) const;
    /// 0 where the key is absent.
    std::uint64_t integer(const std::string& key) const;
    std::uint64_t array_length(const std::string& key) const;
};

struct MetadataFault {
    std::string key;
    std::string reason;  ///< names the key
};

/// The first rule that does not hold; nullopt for sound metadata.
std::optional<MetadataFault> find_fault(const Metadata& metadata);

}  // namespace urial::models
