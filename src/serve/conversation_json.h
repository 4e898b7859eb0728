#pragma once

// Conversations as clients read and write them.

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serve/api.h"
#include "store/conversation_store.h"

namespace urial::serve {

Json conversation_json(const store::Conversation& conversation);
Json message_json(const store::Message& message);
Json messages_json(const std::vector<store::Message>& messages);
/// With settings and messages.
Json whole_conversation_json(Api& api, const std::string& owner, const std::string& id);

// Members of requests. All throw RequestError.

/// One of the words; `usual` where it is absent.
std::string read_word(Fields& fields, const char* name, std::span<const std::string_view> words,
                      const char* usual = nullptr);
/// "settings" or "details": an object, as text.
std::optional<std::string> read_object(Fields& fields, const char* name);
/// Text in UTF-8.
std::optional<std::string> read_text(Fields& fields, const char* name);
/// The roles of messages, in the order in which people know them.
inline constexpr std::array<std::string_view, 4> kRoles{"system", "user", "assistant", "text"};
inline constexpr std::array<std::string_view, 3> kKinds{"chat", "text", "prompt"};

}  // namespace urial::serve
