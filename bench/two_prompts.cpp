// Do answers under two prompts at the same time cost more than under one?
//
//   bench_two_prompts MODEL.gguf [ROUNDS]
//
// 16 answers of 64 tokens, packed arithmetic, in one session that keeps both constant prefixes: under the prompt urial,
// under urial-help, and half of them under each. The peer is the mean of the first two. Prints medians in tokens a
// second, without the reading of prefixes; the three take turns.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/engine.h"
#include "generate/generate.h"
#include "prompt/prompt.h"

namespace {

using namespace urial;

constexpr int kAnswers = 16;
constexpr int kTokens = 64;

double tokens_a_second(const std::vector<const generate::PreparedPrompt*>& prompts, engine::Session& session) {
    generate::Scheduler scheduler(prompts.front()->model(), session);
    for (int i = 0; i < kAnswers; ++i) {
        const generate::PreparedPrompt& prompt = *prompts[static_cast<std::size_t>(i) % prompts.size()];
        generate::Request request;
        request.tokens = prompt.tokenize({{}, "Tell me about subject number " + std::to_string(i) + " in detail."});
        request.sampling.max_tokens = kTokens;  // no answer form: all are of this length
        scheduler.submit(std::move(request));
    }
    const auto start = std::chrono::steady_clock::now();
    scheduler.run();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return static_cast<double>(scheduler.generated_tokens()) / seconds;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void run(const std::string& path, int rounds) {
    engine::ModelOptions options;
    options.path = path;
    options.arithmetic = engine::Arithmetic::Packed;
    const auto model = engine::load_model(options);
    const generate::PreparedPrompt one(model, prompt::builtin("urial"));
    const generate::PreparedPrompt other(model, prompt::builtin("urial-help"));
    engine::SessionOptions session_options;
    session_options.sequences = kAnswers;
    session_options.prefixes = 2;
    session_options.context_tokens =
        static_cast<int>(one.prefix().size() + other.prefix().size()) + kAnswers * (kTokens + 64);
    const auto session = model->new_session(session_options);
    session->pin(one.prefix());
    session->pin(other.prefix());
    std::vector<double> rates[3];
    for (int round = -1; round < rounds; ++round) {  // the first one warms up
        const double found[] = {tokens_a_second({&one}, *session), tokens_a_second({&other}, *session),
                                tokens_a_second({&one, &other}, *session)};
        for (int i = 0; round >= 0 && i < 3; ++i) rates[i].push_back(found[i]);
    }
    const double alone = (median(rates[0]) + median(rates[1])) / 2;
    std::printf("urial (%zu tokens): %.1f, urial-help (%zu tokens): %.1f, both: %.1f, which is %.2f of their mean\n",
                one.prefix().size(), median(rates[0]), other.prefix().size(), median(rates[1]), median(rates[2]),
                median(rates[2]) / alone);
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 2) {
        std::fprintf(stderr, "usage: bench_two_prompts MODEL.gguf [ROUNDS]\n");
        return 2;
    }
    try {
        run(arguments[1], count > 2 ? std::stoi(arguments[2]) : 5);
        return 0;
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "error: %s\n", failure.what());
        return 1;
    }
}
