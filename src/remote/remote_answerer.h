#pragma once

// A model on servers that answers a batch, as generate::LocalAnswerer does with a model in this process. Belongs to one
// thread; it has threads of its own, one for each question that is under way.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/mutex.h"
#include "generate/answerer.h"
#include "generate/prompt_source.h"
#include "remote/model_servers.h"

namespace urial::remote {

class RemoteAnswerer final : public generate::Answerer {
public:
    /// `parallel`: questions under way at the same time.
    RemoteAnswerer(std::shared_ptr<ModelServers> servers, std::shared_ptr<const generate::PromptSource> prompt,
                   int parallel);
    ~RemoteAnswerer() override;

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
    struct Done {
        generate::Question question;
        generate::Answer answer;
    };
    void work(const std::stop_token& stop);
    void stop_threads();

    const std::shared_ptr<ModelServers> servers_;
    const std::shared_ptr<const generate::PromptSource> prompt_;
    const int parallel_;
    std::vector<generate::Question> submitted_;  // until prepare()
    std::size_t open_ = 0;                       // questions whose on_done is still to be called
    std::atomic<std::uint64_t> pieces_{0};
    Mutex mutex_;
    Condition arrived_;
    std::deque<generate::Question> waiting_ GUARDED_BY(mutex_);
    std::vector<Done> done_ GUARDED_BY(mutex_);
    std::exception_ptr thrown_ GUARDED_BY(mutex_);
    std::vector<std::jthread> threads_;
};

}  // namespace urial::remote
