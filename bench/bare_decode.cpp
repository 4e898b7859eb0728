// What the forced pass of `urial shift` is measured against: the same rows through two bare llama_decode runs, with all
// their logits and nothing done with them.
//
//   bench_bare_decode MODEL.gguf ADAPTER.gguf ANSWERS.jsonl [LIMIT]
//
// ANSWERS has base_prompt_ids, aligned_prompt_ids and answer_ids. Each answer is one sequence, decoded in batches with
// at most 64 rows of logits. Prints one JSON object: answers, answer_tokens, seconds, tokens_per_s (positions of both
// models).

#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <llama.h>
#include <nlohmann/json.hpp>

namespace {

constexpr int kLogitRows = 64;
constexpr int kBatchRows = 512;
constexpr int kContext = 4096;

using Tokens = std::vector<llama_token>;

struct Answer {
    Tokens base_prompt, aligned_prompt, ids;
};

std::vector<Answer> read_answers(const char* path, std::size_t limit) {
    std::ifstream lines(path);
    if (!lines) throw std::runtime_error(std::string(path) + ": cannot be read");
    std::vector<Answer> answers;
    for (std::string line; answers.size() < limit && std::getline(lines, line);) {
        const auto object = nlohmann::json::parse(line);
        answers.push_back({object.at("base_prompt_ids").get<Tokens>(), object.at("aligned_prompt_ids").get<Tokens>(),
                           object.at("answer_ids").get<Tokens>()});
    }
    return answers;
}

struct FreeModel {
    void operator()(llama_model* model) const { llama_model_free(model); }
};
struct FreeContext {
    void operator()(llama_context* context) const { llama_free(context); }
};
using Model = std::unique_ptr<llama_model, FreeModel>;
using Context = std::unique_ptr<llama_context, FreeContext>;

Context new_context(llama_model* model) {
    llama_context_params parameters = llama_context_default_params();
    parameters.n_ctx = kContext;
    parameters.n_batch = parameters.n_ubatch = kBatchRows;
    parameters.n_threads = parameters.n_threads_batch = static_cast<int32_t>(std::thread::hardware_concurrency());
    Context context(llama_init_from_model(model, parameters));
    if (!context) throw std::runtime_error("no context");
    return context;
}

/// Row i of the answer is predicted by token i - 1: the last token of the prompt and all of the answer but its last.
void score(llama_context* context, const Tokens& prompt, const Tokens& answer) {
    if (answer.empty()) return;
    llama_memory_clear(llama_get_memory(context), true);
    Tokens tokens = prompt;
    tokens.insert(tokens.end(), answer.begin(), answer.end() - 1);
    llama_batch batch = llama_batch_init(kBatchRows, 0, 1);
    int logit_rows = 0;
    const auto decode = [&] {
        if (batch.n_tokens > 0 && llama_decode(context, batch) != 0) throw std::runtime_error("cannot decode");
        batch.n_tokens = logit_rows = 0;
    };
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        const bool wants_logits = i + 1 >= prompt.size();
        if (batch.n_tokens == kBatchRows || (wants_logits && logit_rows == kLogitRows)) decode();
        batch.token[batch.n_tokens] = tokens[i];
        batch.pos[batch.n_tokens] = static_cast<llama_pos>(i);
        batch.n_seq_id[batch.n_tokens] = 1;
        batch.seq_id[batch.n_tokens][0] = 0;
        batch.logits[batch.n_tokens++] = static_cast<int8_t>(wants_logits);
        logit_rows += wants_logits ? 1 : 0;
    }
    decode();
    llama_batch_free(batch);
}

void run(const char* model_path, const char* adapter_path, const std::vector<Answer>& answers) {
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    const Model model(llama_model_load_from_file(model_path, llama_model_default_params()));
    if (!model) throw std::runtime_error(std::string(model_path) + ": cannot be loaded");
    llama_adapter_lora* adapter = llama_adapter_lora_init(model.get(), adapter_path);  // goes with the model
    if (adapter == nullptr) throw std::runtime_error(std::string(adapter_path) + ": cannot be loaded");
    const Context base = new_context(model.get());
    const Context aligned = new_context(model.get());
    float scale = 1;
    llama_set_adapters_lora(aligned.get(), &adapter, 1, &scale);
    score(base.get(), answers.at(0).base_prompt, answers.at(0).ids);  // reads the weights into memory
    std::size_t positions = 0;
    const auto start = std::chrono::steady_clock::now();
    for (const Answer& answer : answers) {
        score(base.get(), answer.base_prompt, answer.ids);
        score(aligned.get(), answer.aligned_prompt, answer.ids);
        positions += answer.ids.size();
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("{\"answers\": %zu, \"answer_tokens\": %zu, \"seconds\": %.2f, \"tokens_per_s\": %.2f}\n",
                answers.size(), positions, seconds, static_cast<double>(positions) / seconds);
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 4) {
        std::fprintf(stderr, "usage: bench_bare_decode MODEL.gguf ADAPTER.gguf ANSWERS.jsonl [LIMIT]\n");
        return 2;
    }
    try {
        run(arguments[1], arguments[2],
            read_answers(arguments[3], count > 4 ? std::stoul(arguments[4]) : std::size_t(-1)));
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "error: %s\n", failure.what());
        return 2;
    }
    return 0;
}
