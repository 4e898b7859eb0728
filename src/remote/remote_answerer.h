#pragma once

// A model on servers that answers a batch, as generate::LocalAnswerer does with a model in this process. Belongs to one
// thread; it has threads of its own, one for each question that is under way.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "generate/answerer.h"
#include "generate/prompt_source.h"
#include "remote/model_servers.h"
#include "remote/work_pool.h"

namespace urial::remote {

class RemoteAnswerer final : public generate::Answerer {
public:
    /// `parallel`: questions under way at the same time.
    RemoteAnswerer(std::shared_ptr<ModelServers> servers, std::shared_ptr<const generate::PromptSource> prompt,
                   int parallel);

    std::string generator() const override;
    nlohmann::ordered_json identity() const override;
    nlohmann::ordered_json circumstances() const override;
    std::string change_since(const nlohmann::ordered_json& manifest) const override;
    void check(const generate::SamplingOptions& sampling) const override;
    void submit(generate::Question question) override;
    void prepare() override;
    bool step() override;
    std::uint64_t generated_tokens() const override { return pieces_; }

private:
    using Pool = WorkPool<generate::Question, generate::Answer>;

    const std::shared_ptr<ModelServers> servers_;
    const std::shared_ptr<const generate::PromptSource> prompt_;
    const int parallel_;
    std::vector<generate::Question> submitted_;  // until prepare()
    std::atomic<std::uint64_t> pieces_{0};
    std::unique_ptr<Pool> pool_;  // last: its threads use all of the above
};

}  // namespace urial::remote
