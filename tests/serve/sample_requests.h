#pragma once

// Requests of every kind whose answers are the same each time, whoever asks meanwhile.

#include <string>
#include <vector>

#include "serve/fields.h"
#include "support/raw_client.h"

namespace urial::test {

struct SampleRequest {
    std::string path;
    serve::Json body;
    /// All of it, for the server at this port.
    std::string bytes(std::uint16_t port) const { return request_text(port, "POST", path, "", body.dump()); }
};

/// Chats, completions, streams, lists, log-probabilities, tokens and a mistake, each about `text` (ASCII without line
/// ends), for an ApiFixture with the model "scripted" and echoing_script(). Greedy, or sampled with a seed.
std::vector<SampleRequest> sample_requests(const std::string& text);

/// What of a reply does not differ from time to time: all but ids and times, and the order in which the choices of a
/// stream take turns. Whatever cannot be read stays as it came.
std::string lasting_part(const RawReply& reply);

/// The lasting parts of the answers to `requests`, asked one after the other of a server that nobody else uses.
std::vector<std::string> answers_alone(const std::vector<SampleRequest>& requests, bool shaded = true);

}  // namespace urial::test
