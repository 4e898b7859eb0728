#include "serve/catalog.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "serve/request_error.h"

namespace urial::serve {
namespace {

constexpr std::size_t kMostGivenPrompts = 8;

}  // namespace

ServedModel::ServedModel(std::shared_ptr<const engine::Model> model, Options options)
    : model_(std::move(model)),
      options_([&] {
          options.session.share_running = options.session.share_running && options.shares;
          return std::move(options);
      }()),
      worker_(model_, options_.session, options_.most_waiting) {}

std::shared_ptr<const generate::PreparedPrompt> ServedModel::prompt(const OfferedPrompt& offered) {
    const MutexLock lock(mutex_);
    Prepared& prepared = prompts_[offered.name];
    if (!prepared) {
        prepared = std::make_shared<const generate::PreparedPrompt>(
            model_, app::source_of(offered.form(*model_), *model_, /*system=*/{}));
    }
    return prepared;
}

std::shared_ptr<const generate::PreparedPrompt> ServedModel::prompt_of(const std::string& text,
                                                                       const prompt::PromptSpec& spec) {
    const MutexLock lock(mutex_);
    const auto found =
        std::ranges::find(given_, text, [](const auto& each) -> const std::string& { return each.first; });
    Prepared prepared =
        found != given_.end() ? found->second : std::make_shared<const generate::PreparedPrompt>(model_, spec);
    if (found != given_.end()) given_.erase(found);
    given_.emplace_front(text, prepared);
    if (given_.size() > kMostGivenPrompts) given_.pop_back();
    return prepared;
}

Catalog::Catalog(std::vector<std::unique_ptr<ServedModel>> models, std::vector<OfferedPrompt> prompts)
    : models_(std::move(models)), prompts_(std::move(prompts)) {}

Target Catalog::find(std::string_view name) const {
    const auto unknown = [&] {
        constexpr std::size_t kMostNameShown = 200;
        const std::vector<std::string> all = names();
        return RequestError(404, "model_not_found", "model",
                            fmt::format("there is no model {}{}; GET /v1/models lists them",
                                        printable(replace_invalid_utf8(name.substr(0, kMostNameShown))),
                                        did_you_mean(name.substr(0, kMostNameShown), all)));
    };
    Target target{.model = models_.front().get(), .prompt = &prompts_.front(), .name = models_.front()->name()};
    if (name.empty()) return target;
    // A model's own name may hold '@'.
    for (const auto& model : models_) {
        if (name != model->name() && !name.starts_with(model->name() + "@")) continue;
        target.model = model.get();
        target.name = name;
        if (name == model->name()) return target;
        const std::string_view prompt = name.substr(model->name().size() + 1);
        const OfferedPrompt* found = find_prompt(prompt);
        if (found == nullptr) continue;
        target.prompt = found;
        target.names_prompt = true;
        return target;
    }
    throw unknown();
}

const OfferedPrompt* Catalog::find_prompt(std::string_view name) const {
    const auto found = std::find_if(prompts_.begin(), prompts_.end(),
                                    [&](const OfferedPrompt& offered) { return offered.name == name; });
    return found == prompts_.end() ? nullptr : &*found;
}

std::vector<std::string> Catalog::names() const {
    std::vector<std::string> names;
    for (const auto& model : models_) {
        names.push_back(model->name());
        for (const OfferedPrompt& prompt : prompts_) names.push_back(fmt::format("{}@{}", model->name(), prompt.name));
    }
    return names;
}

}  // namespace urial::serve
