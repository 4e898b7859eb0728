#pragma once

// What a model server is and what it takes: found out by asking it, before anything is generated. Values.

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "generate/generate.h"
#include "http/client.h"

namespace urial::remote {

enum class Software {
    Unknown,  ///< speaks the protocol; more is not known of it
    OpenAi,
    Vllm,
    SgLang,
    LlamaServer,
};
std::string_view name(Software software);

struct ServerDescription {
    Software software = Software::Unknown;
    std::string version;             ///< empty: it does not say
    nlohmann::ordered_json model;    ///< what it says of the model beside its name, the same wherever that is served
    std::size_t context_tokens = 0;  ///< 0: it does not say
};

/// Asks for the model list and the version. Outcomes other than Done are those of a server that is not there or has too
/// much to do. Throws Error{NotFound} for a server that does not have the model, naming those that it has, and what
/// http::check_status throws.
struct Described {
    http::Attempt attempt;
    ServerDescription server;
};
Described describe(const http::Channel& channel, const std::string& model, const http::OnTick& on_tick = {});

/// Throws Error{BadInput} for an option that the software is not known to take, naming it, the address and the remedy.
void check_sampling(const ServerDescription& server, const std::string& address,
                    const generate::SamplingOptions& sampling);

/// Puts the sampling options into a request's body, those too that are off: a server's own defaults must not count.
void add_sampling(nlohmann::ordered_json& body, Software software, const generate::SamplingOptions& sampling,
                  std::uint64_t question);

}  // namespace urial::remote
