#pragma once

// A model on vLLM or SGLang servers as one side of a token-distribution shift: it tokenises, writes greedy answers in
// tokens, and says of given tokens what it thinks of them. Belongs to one thread; it has threads of its own, one for
// each answer that is under way.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/mutex.h"
#include "remote/model_servers.h"
#include "remote/token_wire.h"
#include "remote/work_pool.h"
#include "shift/listed_side.h"

namespace urial::remote {

class ScoringSide final : public shift::ListedSide {
public:
    /// Throws Error{BadInput} for servers that do not give log-probabilities of given tokens, naming the remedy.
    ScoringSide(std::shared_ptr<ModelServers> servers, std::shared_ptr<const generate::PromptSource> prompt,
                std::function<bool()> is_stopped = {});
    ~ScoringSide() override;

    const shift::Side* local() const override { return nullptr; }
    const generate::PromptSource& prompt() const override { return *prompt_; }
    nlohmann::ordered_json identity() const override;
    nlohmann::ordered_json circumstances() const override { return servers_->describe_servers(); }
    std::string change_since(const nlohmann::ordered_json& circumstances) const override;
    std::string generator() const override;
    std::size_t vocabulary_size() const override { return 0; }
    std::vector<Token> tokenize(std::string_view text, bool begins_prompt) const override;
    std::string piece(Token token, bool special) const override;

    void prepare(const std::vector<shift::ListedTask>& tasks, const shift::ListedOptions& options,
                 const ListedSide& other) override;
    void submit(shift::ListedTask task) override;
    bool step(bool may_wait) override;
    double seconds() const override { return static_cast<double>(milliseconds_) / 1000; }

private:
    using Pool = WorkPool<shift::ListedTask, shift::ListedAnswer>;
    using IsStopped = std::function<bool()>;

    shift::ListedAnswer work(const shift::ListedTask& task, const IsStopped& is_stopped);
    void compare(const std::vector<std::string>& texts, const IsStopped& is_stopped) const;
    std::vector<Token> ask_tokens(const Inquiry& inquiry, const IsStopped& is_stopped) const;
    std::vector<Token> prompt_tokens(const shift::ListedTask& task, const IsStopped& is_stopped) const;
    std::vector<Token> answer_tokens(const shift::ListedTask& task, const std::vector<Token>& prompt,
                                     const IsStopped& is_stopped) const;
    void check_room(std::size_t prompt, std::size_t answer) const;
    void write(const std::vector<Token>& prompt, shift::ListedAnswer& answer, const IsStopped& is_stopped) const;
    void score(const std::vector<Token>& prompt, shift::ListedAnswer& answer, const IsStopped& is_stopped);
    [[noreturn]] void refuse_list_length(const Error& refusal) const;

    const std::shared_ptr<ModelServers> servers_;
    const std::shared_ptr<const generate::PromptSource> prompt_;
    const IsStopped is_stopped_;
    const Software software_;
    shift::ListedOptions options_;
    const ListedSide* other_ = nullptr;
    std::counting_semaphore<> scoring_;  // requests for log-probabilities that may be under way
    std::atomic<std::int64_t> milliseconds_{0};
    mutable Mutex mutex_;
    std::map<Token, std::string> pieces_ GUARDED_BY(mutex_);
    std::unique_ptr<Pool> pool_;  // last: its threads use all of the above
};

}  // namespace urial::remote
