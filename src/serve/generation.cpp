#include "serve/generation.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/mutex.h"
#include "serve/api.h"
#include "serve/request_error.h"

namespace urial::serve {
namespace {

using generate::FinishReason;
using generate::Piece;
using generate::Request;
using generate::Result;

std::int64_t unix_seconds() {
    using namespace std::chrono;
    return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

class Generation : public std::enable_shared_from_this<Generation> {
public:
    Generation(GenerationPlan plan, std::shared_ptr<Exchange> exchange, Metrics& metrics)
        : plan_(std::move(plan)),
          exchange_(std::move(exchange)),
          metrics_(metrics),
          id_(plan_.shape->id_prefix() + plan_.request_id),
          created_(unix_seconds()) {}

    void start() {
        std::vector<Request> requests = make_requests();
        const std::size_t count = requests.size();
        {
            const MutexLock lock(mutex_);
            choices_.resize(count);
            left_ = count;
        }
        ++metrics_.requests;
        ++metrics_.running;
        exchange_->on_gone([self = shared_from_this()] { self->unwanted(); });
        std::size_t index = 0;
        try {
            for (Request& request : requests) {
                take_up(index, plan_.target.model->worker().post(std::move(request)));
                ++index;
            }
        } catch (const Error& failure) {
            {
                const MutexLock lock(mutex_);
                if (!failure_) failure_ = refusal(failure);
            }
            // Those that were not taken never end by themselves.
            for (std::size_t i = index; i < count; ++i) {
                Result result;
                result.finish = FinishReason::Failed;
                done(i, std::move(result));
            }
            cancel_all();
        }
    }

private:
    struct Choice {
        std::shared_ptr<generate::Handle> handle;
        bool has_begun = false;
        bool has_ended = false;
        bool is_end_sent = false;
        std::size_t text_offset = 0;
        std::size_t tokens = 0;
        Result result;
        std::vector<Piece> held;  // until choice 0 has begun
    };

    const GenerationPrompt& prompt_of(std::size_t index) const {
        return plan_.prompts[index / static_cast<std::size_t>(plan_.fields.choices)];
    }

    int max_tokens_of(const GenerationPrompt& prompt) const {
        const std::size_t context = plan_.target.model->context_tokens();
        const std::size_t taken = prompt.shown.tokens.size();
        const int wanted = plan_.fields.max_tokens.value_or(plan_.default_max_tokens);
        const bool is_too_long =
            taken >= context || (plan_.fields.max_tokens && taken + static_cast<std::size_t>(wanted) > context);
        if (is_too_long) {
            throw RequestError(400, "context_length_exceeded", plan_.prompt_field,
                               fmt::format("the prompt has {} tokens and max_tokens is {}: the model's context is {} "
                                           "tokens for both",
                                           taken, wanted, context));
        }
        return static_cast<int>(std::min(static_cast<std::size_t>(wanted), context - taken));
    }

    std::vector<Request> make_requests() {
        std::vector<Request> requests;
        for (std::size_t i = 0; i < plan_.prompts.size() * static_cast<std::size_t>(plan_.fields.choices); ++i) {
            const GenerationPrompt& prompt = prompt_of(i);
            Request& request = requests.emplace_back();
            request.id = i;
            request.tokens = prompt.shown.tokens;
            request.constant = prompt.constant;
            request.sampling = plan_.fields.sampling;
            request.sampling.max_tokens = max_tokens_of(prompt);
            request.steering = plan_.fields.steering;
            request.answer_form = prompt.answer_form;
            request.scores = plan_.scores;
            request.prompt_scores = plan_.prompt_scores;
            request.keep = plan_.target.model->shares();
            if (!plan_.fields.grammar.empty()) {
                request.constraint = plan_.target.model->model().new_grammar(plan_.fields.grammar);
            }
            if (plan_.fields.streams) {
                request.on_piece = [self = shared_from_this(), i](const Piece& piece) { return self->said(i, piece); };
            }
            request.on_done = [self = shared_from_this(), i](Result&& result) { self->done(i, std::move(result)); };
        }
        return requests;
    }

    void take_up(std::size_t index, std::shared_ptr<generate::Handle> handle) {
        const MutexLock lock(mutex_);
        if (is_cancelled_) handle->cancel();
        choices_[index].handle = std::move(handle);
    }

    void unwanted() {
        ++(exchange_->is_gone() ? metrics_.gone : metrics_.overdue);
        cancel_all();
    }

    void cancel_all() {
        const MutexLock lock(mutex_);
        is_cancelled_ = true;
        for (const Choice& choice : choices_) {
            if (choice.handle) choice.handle->cancel();
        }
    }

    // ---- on the engine thread ---------------------------------------------------------------------------------------

    bool said(std::size_t index, const Piece& piece) {
        const MutexLock lock(mutex_);
        if (is_cancelled_) return false;
        if (piece.text.empty() && piece.tokens.empty()) return true;
        // The client library's stream helper takes the first chunk to be of choice 0.
        if (index > 0 && !choices_[0].has_begun) {
            choices_[index].held.push_back(piece);
            return true;
        }
        send_piece(index, piece);
        if (index == 0) send_held();
        return true;
    }

    void done(std::size_t index, Result&& result) {
        const MutexLock lock(mutex_);
        Choice& choice = choices_[index];
        metrics_.completion_tokens += result.completion_tokens;
        metrics_.prompt_tokens += result.prompt_tokens;
        choice.result = std::move(result);
        choice.has_ended = true;
        --left_;
        const bool is_stopped = choice.result.finish == FinishReason::Cancelled && !is_cancelled_;
        if ((choice.result.failure || is_stopped) && !failure_) {
            failure_ = error_reply(is_stopped ? Error(ErrorKind::Unavailable, "the server is stopping")
                                              : *choice.result.failure);
            is_cancelled_ = true;
            for (const Choice& other : choices_) {
                if (other.handle) other.handle->cancel();
            }
        }
        if (plan_.fields.streams && !failure_) stream_ends(index);
        if (left_ == 0) finish();
    }

    void stream_ends(std::size_t index) REQUIRES(mutex_) {
        if (index > 0 && !choices_[0].has_begun && !choices_[0].has_ended) return;  // goes out behind choice 0
        send_end(index);
        if (index > 0) return;
        send_held();
    }

    void send_held() REQUIRES(mutex_) {
        for (std::size_t i = 1; i < choices_.size(); ++i) {
            for (const Piece& piece : std::exchange(choices_[i].held, {})) send_piece(i, piece);
            if (choices_[i].has_ended && !choices_[i].is_end_sent) send_end(i);
        }
    }

    void begin_stream() REQUIRES(mutex_) {
        if (!std::exchange(is_streaming_, true)) exchange_->begin_events();
    }

    void send_piece(std::size_t index, const Piece& piece) REQUIRES(mutex_) {
        begin_stream();
        Choice& choice = choices_[index];
        const ChunkPlace place{index, !std::exchange(choice.has_begun, true), choice.text_offset};
        for (const generate::AnswerToken& token : piece.tokens) choice.text_offset += code_points(token.bytes);
        choice.tokens += piece.tokens.size();
        Json chunk = header(plan_.shape->chunk_object());
        chunk["choices"].push_back(plan_.shape->chunk(place, prompt_of(index).shown, piece));
        if (place.is_first && plan_.fields.return_token_ids) {
            chunk["prompt_token_ids"] = prompt_of(index).shown.tokens;
        }
        if (plan_.fields.continuous_usage) {
            chunk["usage"] = usage_json({prompt_of(index).shown.tokens.size(), choice.tokens});
        } else if (plan_.fields.include_usage) {
            chunk["usage"] = nullptr;
        }
        exchange_->send_event(json_reply(chunk).body);
    }

    void send_end(std::size_t index) REQUIRES(mutex_) {
        Choice& choice = choices_[index];
        if (!choice.has_begun) send_piece(index, {});  // an empty answer has a first chunk too
        choice.is_end_sent = true;
        Json chunk = header(plan_.shape->chunk_object());
        chunk["choices"].push_back(plan_.shape->last_chunk(index, choice.result));
        if (plan_.fields.continuous_usage) {
            chunk["usage"] = usage_json({prompt_of(index).shown.tokens.size(), choice.result.completion_tokens});
        } else if (plan_.fields.include_usage) {
            chunk["usage"] = nullptr;
        }
        exchange_->send_event(json_reply(chunk).body);
    }

    Json header(const char* object) const {
        return {{"id", id_},
                {"object", object},
                {"created", created_},
                {"model", plan_.target.name},
                {"system_fingerprint", nullptr},
                {"choices", Json::array()}};
    }

    Usage usage() const REQUIRES(mutex_) {
        Usage usage;
        for (const GenerationPrompt& prompt : plan_.prompts) usage.prompt_tokens += prompt.shown.tokens.size();
        for (const Choice& choice : choices_) usage.completion_tokens += choice.result.completion_tokens;
        return usage;
    }

    void finish() REQUIRES(mutex_) {
        --metrics_.running;
        if (failure_) {
            ++metrics_.failed;
            if (is_streaming_) {
                exchange_->send_event(std::move(failure_->body));
                exchange_->end();
            } else {
                exchange_->reply(std::move(*failure_));
            }
        } else if (plan_.fields.streams) {
            begin_stream();
            if (plan_.fields.include_usage) {
                Json chunk = header(plan_.shape->chunk_object());
                chunk["usage"] = usage_json(usage());
                exchange_->send_event(json_reply(chunk).body);
            }
            exchange_->send_event("[DONE]");
            exchange_->end();
        } else {
            exchange_->reply(json_reply(whole()));
        }
    }

    Json whole() const REQUIRES(mutex_) {
        Json json = header(plan_.shape->whole_object());
        for (std::size_t i = 0; i < choices_.size(); ++i) {
            Json choice = plan_.shape->whole(i, prompt_of(i).shown, choices_[i].result);
            if (plan_.fields.prompt_scores && !plan_.prompt_logprobs_on_top) {
                choice["prompt_logprobs"] = prompt_logprobs(choices_[i].result);
            }
            if (plan_.fields.return_token_ids && !plan_.prompt_logprobs_on_top) {
                choice["prompt_token_ids"] = prompt_of(i).shown.tokens;
            }
            json["choices"].push_back(std::move(choice));
        }
        if (plan_.prompt_logprobs_on_top) {
            if (plan_.fields.prompt_scores) json["prompt_logprobs"] = prompt_logprobs(choices_[0].result);
            if (plan_.fields.return_token_ids) json["prompt_token_ids"] = plan_.prompts[0].shown.tokens;
        }
        json["usage"] = usage_json(usage());
        return json;
    }

    Json prompt_logprobs(const Result& result) const {
        auto scores = result.prompt_scores;
        for (auto& score : scores) {
            const auto most = static_cast<std::size_t>(*plan_.fields.prompt_scores);
            if (score && score->top.size() > most) score->top.resize(most);
        }
        return prompt_logprobs_json(plan_.target.model->model(), scores);
    }

    const GenerationPlan plan_;
    const std::shared_ptr<Exchange> exchange_;
    Metrics& metrics_;
    const std::string id_;
    const std::int64_t created_;

    Mutex mutex_;
    std::vector<Choice> choices_ GUARDED_BY(mutex_);  // prompts x choices
    std::size_t left_ GUARDED_BY(mutex_) = 0;
    bool is_cancelled_ GUARDED_BY(mutex_) = false;
    bool is_streaming_ GUARDED_BY(mutex_) = false;
    std::optional<HttpResponse> failure_ GUARDED_BY(mutex_);  // what the client gets instead of an answer
};

}  // namespace

GenerationPlan read_plan(const Api& api, Fields& fields, std::string request_id) {
    GenerationPlan plan;
    plan.request_id = std::move(request_id);
    plan.target = api.catalog->find(fields.text("model").value_or(""));
    plan.fields = read_generation_fields(fields, plan.target.model->model());
    plan.prompt_scores = plan.fields.prompt_scores;
    return plan;
}

ShapeOptions shape_options(const GenerationPlan& plan) {
    return {.model = &plan.target.model->model(),
            .shows_scores = plan.scores.has_value(),
            .top = static_cast<std::size_t>(plan.scores.value_or(0)),
            .shows_token_ids = plan.fields.return_token_ids,
            .stops = plan.fields.sampling.stop,
            .stop_tokens = plan.fields.steering.stop_tokens};
}

void start_generation(GenerationPlan plan, std::shared_ptr<Exchange> exchange, Metrics& metrics) {
    std::make_shared<Generation>(std::move(plan), std::move(exchange), metrics)->start();
}

}  // namespace urial::serve
