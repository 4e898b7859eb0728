#include "app/judging.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "generate/instructions.h"
#include "shift/shift.h"

namespace urial::app {
namespace {

std::string subset_name(const ItemSelection& selection) { return selection.subset.empty() ? "lite" : selection.subset; }

constexpr std::string_view name(Judging judging) {
    constexpr std::array<std::string_view, 4> kNames{"score", "pairwise", "tags", "mt-bench"};
    return kNames[static_cast<std::size_t>(judging)];
}

/// Who gave answers that do not say it: the file, or the folder of a run.
std::string generator_of(const fs::path& file) {
    const bool is_record = file.filename() == shift::records_file({}).filename() && file.has_parent_path();
    return is_record ? file.parent_path().filename().string() : file.stem().string();
}

/// Reads files of answers: keeps what the selection keeps, and fills in what is missing.
class AnswerFiles {
public:
    AnswerFiles(const JudgedFiles& files, const Callbacks& callbacks)
        : files_(files), callbacks_(callbacks), filter_(filter_of(files.items)) {
        if (!files.tags.empty()) tagged_.emplace(eval::load_items(files.tags));
    }

    /// Answers whose file does not say who gave them are named after it. Records of answers that failed to be written
    /// are no answers.
    std::vector<eval::AnsweredItem> load(const std::filesystem::path& file) const {
        eval::LoadedAnswers loaded = eval::load_answers(file);
        warn_left_out(file, loaded, callbacks_);
        if (tagged_) add_tags(loaded.answers);
        std::vector<eval::AnsweredItem> answers =
            eval::keep(std::move(loaded.answers), filter_,
                       [](const eval::AnsweredItem& answered) -> const eval::Item& { return answered.item; });
        for (eval::AnsweredItem& answered : answers) {
            if (answered.answer.generator.empty()) answered.answer.generator = generator_of(file);
        }
        return answers;
    }

private:
    void add_tags(std::vector<eval::AnsweredItem>& answers) const {
        const auto untagged = std::ranges::count_if(
            answers, [&](eval::AnsweredItem& answered) { return !tagged_->complete(answered.item); });
        if (untagged == 0) return;
        tell(callbacks_.warning,
             fmt::format("{}: has no item for {} of {} answers", files_.tags, untagged, answers.size()));
    }

    const JudgedFiles& files_;
    const Callbacks& callbacks_;
    eval::Filter filter_;
    std::optional<eval::ItemIndex> tagged_;  // where a file of tags is given
};

eval::Rubric load_rubric(const JudgedFiles& files, eval::Subject subject, Judging judging) {
    eval::Rubric rubric = eval::load_rubric(files.rubric);
    if (rubric.kind->subject() != subject) {
        throw error(ErrorKind::BadInput, "the rubric {} is of another kind than `judge {}` needs", files.rubric,
                    name(judging));
    }
    return rubric;
}

std::vector<eval::JudgeTask> score_tasks(const JudgedFiles& files, const Callbacks& callbacks) {
    std::optional<eval::Rubric> rubric;
    if (!files.rubric.empty()) rubric = load_rubric(files, eval::Subject::Answer, Judging::Score);
    return eval::score_tasks(AnswerFiles(files, callbacks).load(files.answers.path), std::move(rubric));
}

std::vector<eval::JudgeTask> pairwise_tasks(const JudgedFiles& files, const Callbacks& callbacks) {
    const eval::Rubric rubric = load_rubric(files, eval::Subject::Pair, Judging::Pairwise);
    const AnswerFiles answers(files, callbacks);
    eval::PairTasks pairs = eval::pair_tasks(answers.load(files.answers.path), answers.load(files.others.path), rubric);
    if (pairs.unpaired > 0) {
        tell(callbacks.warning, fmt::format("{} answers have no partner in the other file", pairs.unpaired));
    }
    return std::move(pairs.tasks);
}

std::vector<eval::JudgeTask> tag_tasks(const JudgedFiles& files) {
    const eval::Rubric rubric = load_rubric(files, eval::Subject::Instruction, Judging::Tags);
    return eval::tag_tasks(eval::keep(eval::load_items(files.answers.path), filter_of(files.items),
                                      [](const eval::Item& item) -> const eval::Item& { return item; }),
                           rubric);
}

std::vector<eval::JudgeTask> mt_bench_tasks(const JudgedFiles& files, const Callbacks& callbacks) {
    const std::vector<eval::AnsweredItem> answers = AnswerFiles(files, callbacks).load(files.answers.path);
    const auto without = std::ranges::count_if(answers, [](const eval::AnsweredItem& answered) {
        return eval::needs_reference(answered.item.category) && answered.item.references.empty();
    });
    if (without > 0) {
        tell(callbacks.warning,
             fmt::format("{} questions of math, reasoning and coding have no reference answer: they are "
                         "judged without one",
                         without));
    }
    return eval::mt_bench_tasks(answers);
}

/// Whole items: both orders of a pair and all turns of a question stay together.
std::vector<eval::JudgeTask> shard_of(std::vector<eval::JudgeTask> tasks, const std::string& text) {
    if (text.empty()) return tasks;
    const generate::Shard shard = generate::parse_shard(text);
    std::map<std::string, std::size_t> positions;
    std::erase_if(tasks, [&](const eval::JudgeTask& task) {
        const std::size_t position = positions.emplace(task.item.id, positions.size()).first->second;
        return position % shard.count != shard.index - 1;
    });
    return tasks;
}

}  // namespace

eval::Filter filter_of(const ItemSelection& selection) {
    eval::Filter filter;
    for (const std::string& condition : selection.where) filter.where.push_back(eval::parse_condition(condition));
    if (selection.ids.empty() && !selection.subset.empty()) {
        throw error(
            ErrorKind::BadInput,
            "--subset {} names one of the lists in a file of ids: give the file with --ids, or leave --subset out",
            selection.subset);
    }
    if (!selection.ids.empty()) filter.ids = eval::load_subset(selection.ids, subset_name(selection));
    filter.limit = selection.limit;
    return filter;
}

std::string answers_file(const std::string& path) {
    return fs::is_directory(path) && fs::exists(shift::records_file(path)) ? shift::records_file(path).string() : path;
}

std::vector<eval::JudgeTask> judge_tasks(Judging judging, const JudgedFiles& files, const Callbacks& callbacks) {
    switch (judging) {
        case Judging::Score: return shard_of(score_tasks(files, callbacks), files.items.shard);
        case Judging::Pairwise: return shard_of(pairwise_tasks(files, callbacks), files.items.shard);
        case Judging::Tags: return shard_of(tag_tasks(files), files.items.shard);
        case Judging::MtBench: return shard_of(mt_bench_tasks(files, callbacks), files.items.shard);
    }
    return {};
}

eval::Json origin_of(Judging judging, const JudgedFiles& files) {
    eval::Json origin{{"command", name(judging)}};
    origin["files"] = eval::Json::array();
    for (const NamedFile& file : {files.answers, files.others}) {
        if (!file.name.empty()) origin["files"].push_back({{"name", file.name}, {"sha256", sha256_file(file.path)}});
    }
    const ItemSelection& items = files.items;
    if (!items.where.empty()) origin["where"] = items.where;
    if (items.limit > 0) origin["limit"] = items.limit;
    if (!items.shard.empty()) origin["shard"] = items.shard;
    if (!items.ids.empty()) origin["subset"] = eval::Json{{"ids", items.ids}, {"name", subset_name(items)}};
    return origin;
}

CalibratedRun calibrate_run(const std::string& run, const std::string& human) {
    const std::vector<eval::Rating> judged = eval::ratings_of(eval::load_run(run).records);
    const std::vector<eval::Rating> others = eval::load_ratings(human);
    CalibratedRun calibrated{eval::calibrate(judged, others), {}};
    std::size_t matched = 0;
    for (const eval::Calibration& entry : calibrated.judges) matched += entry.agreement.n;
    if (matched == 0) {
        throw error(ErrorKind::BadInput,
                    "{} and {} rate nothing in common: ids or instructions, turns, generators and aspects must agree",
                    run, human);
    }
    calibrated.humans = eval::jury_agreement(others);
    return calibrated;
}

}  // namespace urial::app
