#pragma once

// The messages of a chat request as a conversation.

#include <string>

#include "prompt/prompt.h"
#include "serve/fields.h"

namespace urial::serve {

struct ChatMessages {
    prompt::Conversation conversation;
    std::string answer;  ///< with `continues`: what the assistant has said of it
};

/// continue_final_message, which add_generation_prompt must not contradict.
bool read_continues(Fields& fields);

/// System and developer messages stand before the first message of the user, and are one system message. Messages of
/// one role that follow each other are one, with an empty line between. `continues`: the last message is the
/// assistant's, and is to be continued. Throws RequestError for everything else, naming the message.
ChatMessages read_messages(const Json* messages, bool continues);

}  // namespace urial::serve
