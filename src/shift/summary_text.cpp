// A summary as JSON and as Markdown, with what a reader must know beside the numbers.

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "shift/original_measures.h"
#include "shift/shift.h"
#include "shift/summary.h"

namespace urial::shift {
namespace {

using nlohmann::ordered_json;

ordered_json interval_json(const Estimate& interval) {
    return {{"value", rounded(interval.value)}, {"low", rounded(interval.low)}, {"high", rounded(interval.high)}};
}

ordered_json shares_json(const ClassShares& shares) {
    return {{"unshifted", interval_json(shares.unshifted)},
            {"marginal", interval_json(shares.marginal)},
            {"shifted", interval_json(shares.shifted)}};
}

std::string percent(double share) { return std::isnan(share) ? "-" : fmt::format("{:.1f} %", 100 * share); }
std::string percent(const Estimate& share) {
    if (std::isnan(share.value)) return "-";
    return fmt::format("{:.1f} % [{:.1f}, {:.1f}]", 100 * share.value, 100 * share.low, 100 * share.high);
}
std::string number(double value) { return std::isnan(value) ? "-" : fmt::format("{:.3f}", value); }
std::string number(const Estimate& value, int digits = 3) {
    if (std::isnan(value.value)) return "-";
    return fmt::format("{:.{}f} [{:.{}f}, {:.{}f}]", value.value, digits, value.low, digits, value.high, digits);
}

/// Columns that a monospaced terminal shows: bytes that continue a UTF-8 character take none.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// A Markdown table of cells without markup (as_text, as_code), whose columns are padded. The first `left` columns are
/// texts, the others numbers.
class Table {
public:
    Table(std::vector<std::string> header, std::size_t left) : left_(left) { add(std::move(header)); }

    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

    std::string text() const {
        std::vector<std::size_t> widths(rows_.front().size(), 3);
        for (const auto& row : rows_) {
            for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width(row[c]));
        }
        std::string text;
        for (std::size_t r = 0; r < rows_.size(); ++r) {
            for (std::size_t c = 0; c < widths.size(); ++c) {
                const std::string space(widths[c] - width(rows_[r][c]), ' ');
                text += c < left_ ? "| " + rows_[r][c] + space + " " : "| " + space + rows_[r][c] + " ";
            }
            text += "|\n";
            if (r > 0) continue;
            for (std::size_t c = 0; c < widths.size(); ++c) {
                text += "|" + std::string(widths[c] + (c < left_ ? 2 : 1), '-') + (c < left_ ? "" : ":");
            }
            text += "|\n";
        }
        return text + "\n";
    }

private:
    std::size_t left_;
    std::vector<std::vector<std::string>> rows_;
};

/// A token or the beginning of an instruction as one line of visible text.
std::string visible(std::string_view text, std::size_t most = 48) {
    std::string shown;
    for (const char c : replace_invalid_utf8(text)) {
        if (c == '\n') {
            shown += "\\n";
        } else if (c == '\t') {
            shown += "\\t";
        } else {
            shown += c;
        }
    }
    shown = printable(shown);
    if (shown.size() <= most) return shown;
    return shown.substr(0, valid_utf8_length(std::string_view(shown).substr(0, most))) + "...";
}

/// The same as text of a Markdown table.
std::string as_text(std::string_view text, std::size_t most = 48) { return escaped_markdown(visible(text, most)); }

/// A code span for a cell of a table: its fence is longer than any run of backticks in it, and a bar is escaped.
std::string as_code(std::string_view piece) {
    const std::string shown = visible(piece);
    std::size_t longest = 0;
    std::size_t run = 0;
    for (const char c : shown) longest = std::max(longest, run = c == '`' ? run + 1 : 0);
    const std::string fence(longest + 1, '`');
    const std::string_view space = shown.starts_with('`') || shown.ends_with('`') ? " " : "";
    return fmt::format("{0}{1}{2}{1}{0}", fence, space, replace_all(shown, "|", "\\|"));
}

std::string range(const PositionBin& bin) {
    return bin.end == 0 ? fmt::format("{} and later", bin.begin) : fmt::format("{}-{}", bin.begin, bin.end - 1);
}

std::string class_table(const Summary& summary) {
    Table table({"class", "rank in the base model", "positions"}, 2);
    table.add({"unshifted", "1", percent(summary.shares.unshifted)});
    table.add({"marginal", "2-3", percent(summary.shares.marginal)});
    table.add({"shifted", "> 3", percent(summary.shares.shifted)});
    return table.text();
}

std::string bin_share_table(const Summary& summary) {
    Table table({"position", "tokens", "unshifted", "marginal", "shifted"}, 1);
    for (const PositionBin& bin : summary.bins) {
        table.add({range(bin), std::to_string(bin.positions), percent(bin.shares.unshifted),
                   percent(bin.shares.marginal), percent(bin.shares.shifted)});
    }
    return table.text();
}

std::string bin_mean_table(const Summary& summary) {
    Table table({"position", summary.bounds ? "lower bound of KL without ends (nats)" : "KL without ends (nats)",
                 fmt::format("mean base rank (at most {})", kRankCap), "base probability"},
                1);
    for (const PositionBin& bin : summary.bins) {
        const std::optional<Estimate>& kl = summary.bounds ? bin.kl_lower_without_ends : bin.kl_without_ends;
        table.add({range(bin), kl ? number(*kl) : "-", number(bin.base_rank, 2), number(bin.base_prob)});
    }
    return table.text();
}

/// The mean KL, or what is known of it.
std::string divergence_lines(const Summary& summary) {
    const std::string counted = fmt::format("- {} answers, {} positions; ", summary.answers, summary.positions);
    if (!summary.bounds) return counted + fmt::format("mean KL(aligned || base) {} nats\n", number(summary.kl_ab));
    const BoundsSummary& bounds = *summary.bounds;
    std::string text = counted + "the KL is not known where a model is on a server\n";
    text +=
        fmt::format("- lower bound of the mean KL(aligned || base): {} nats; without the tokens that end answers {}\n",
                    number(bounds.kl_ab_lower), number(bounds.kl_lower_without_ends));
    return text + fmt::format("- mean total variation distance: from {} to {}\n", number(bounds.tv_lower),
                              number(bounds.tv_upper));
}

/// What the tokens that end answers add to the mean KL; nothing where no answer has one.
std::string ends_line(const Summary& summary) {
    if (summary.ends == 0 || std::isnan(summary.kl_ab.value)) return "";
    return fmt::format(
        "- {} of the positions are the token that ends an answer, and carry {} of the sum of the KL: without them its "
        "mean is {} nats\n",
        summary.ends, percent(summary.ends_kl_share), number(summary.kl_without_ends));
}

std::string along_the_answer(const Summary& summary) {
    return "## Along the answer\n\n" + bin_share_table(summary) +
           "The KL along the answer is without the tokens that end answers: they can stand anywhere and would hide how "
           "it\nfades. Shares, ranks and probabilities are over all positions.\n\n" +
           bin_mean_table(summary);
}

std::string token_table(const Summary& summary, std::size_t most_rows) {
    Table table({"token", "group", "shifted", "of", "share"}, 2);
    for (std::size_t i = 0; i < std::min(most_rows, summary.tokens.size()); ++i) {
        const TokenShift& token = summary.tokens[i];
        table.add({as_code(token.piece), std::string(name(token.group)), std::to_string(token.shifted),
                   std::to_string(token.count),
                   percent(static_cast<double>(token.shifted) / static_cast<double>(token.count))});
    }
    return table.text();
}

std::string group_table(const Summary& summary) {
    Table table({"group", "tokens", "shifted", "share", "of all shifted"}, 1);
    std::size_t all = 0;
    for (const GroupShift& group : summary.groups) all += group.shifted;
    for (const GroupShift& group : summary.groups) {
        if (group.count == 0) continue;
        const auto shifted = static_cast<double>(group.shifted);
        table.add({std::string(name(group.group)), std::to_string(group.count), std::to_string(group.shifted),
                   percent(shifted / static_cast<double>(group.count)),
                   percent(all > 0 ? shifted / static_cast<double>(all) : 0)});
    }
    return table.text();
}

std::string answer_table(const Summary& summary, std::size_t most_rows) {
    Table table({"id", "instruction", "tokens", "shifted", "KL (nats)"}, 2);
    const auto& answers = summary.answers_by_shift;
    const std::size_t half = std::max<std::size_t>(1, most_rows / 3);
    for (std::size_t i = 0; i < answers.size(); ++i) {
        if (i == half && answers.size() > 2 * half) {
            table.add({"...", "", "", "", ""});
            i = answers.size() - half;
        }
        table.add({as_text(answers[i].id), as_text(answers[i].instruction), std::to_string(answers[i].positions),
                   percent(answers[i].shifted), number(answers[i].kl_ab)});
    }
    return table.text();
}

std::string tag_table(const Summary& summary) {
    Table table({"tag", "answers", "unshifted", "marginal", "shifted", "KL (nats)"}, 1);
    for (const TagShift& tag : summary.tags) {
        table.add({as_text(tag.tag), std::to_string(tag.answers), percent(tag.shares.unshifted.value),
                   percent(tag.shares.marginal.value), percent(tag.shares.shifted), number(tag.kl_ab)});
    }
    return table.text();
}

std::string original_table(const OriginalSummary& original) {
    Table table({"measure", "mean"}, 1);
    table.add({"unshifted", percent(original.shares.unshifted)});
    table.add({"marginal", percent(original.shares.marginal)});
    table.add({"shifted", percent(original.shares.shifted)});
    for (std::size_t i = 0; i < kOriginalNames.size(); ++i)
        table.add({std::string(kOriginalNames[i]), number(original.means[i])});
    return table.text();
}

std::string text_at(const ordered_json& object, const char* pointer) {
    const ordered_json::json_pointer path(pointer);
    return object.contains(path) && object[path].is_string() ? object[path].get<std::string>() : "";
}

/// True for every type but the floating-point ones: rounded activations disturb the analysis there.
bool is_quantised(std::string_view weight_type) {
    const std::string type = lower_ascii(weight_type);
    return !(type.starts_with("f32") || type.starts_with("f16") || type.starts_with("bf16") ||
             type.find(" f32") != std::string::npos || type.find(" f16") != std::string::npos ||
             type.find("bf16") != std::string::npos);
}

/// " for 3 of 17 matrices" where an arithmetic does not know the format of the others.
std::string coverage(const ordered_json& side) {
    const ordered_json::json_pointer path("/model/arithmetic_covers");
    if (!side.contains(path)) return "";
    return fmt::format(" for {} of {} matrices", side[path].value("matrices", 0), side[path].value("of", 0));
}

std::string describe_side(const ordered_json& side) {
    std::string text = text_at(side, "/model/name");
    if (const std::string type = text_at(side, "/model/weight_type"); !type.empty()) {
        text += ", " + type;
        const std::string arithmetic = text_at(side, "/model/arithmetic");
        if (is_quantised(type) && !arithmetic.empty()) {
            text += " (" + arithmetic + " arithmetic" + coverage(side) + ")";
        }
    }
    if (side.contains("model") && side["model"].contains("device"))
        text += " on " + generate::device_text(side["model"]);
    if (const std::string software = text_at(side, "/software"); !software.empty()) text += " on " + software;
    if (side.contains("adapters")) {
        for (const ordered_json& adapter : side["adapters"]) text += " + " + text_at(adapter, "/file");
    }
    return text + ", " + text_at(side, "/prompt/kind") + " " + text_at(side, "/prompt/name");
}

}  // namespace

/// The figures are those of docs/shift.md, "How exact is it".
std::string quantisation_warning(const ordered_json& manifest) {
    std::set<std::string> types;
    std::set<std::string> arithmetics;
    bool is_covered = true;
    for (const char* side : {"base", "aligned"}) {
        const std::string type = text_at(manifest, fmt::format("/identity/{}/model/weight_type", side).c_str());
        if (type.empty() || !is_quantised(type)) continue;
        types.insert(type);
        const std::string path = fmt::format("/identity/{}/model/arithmetic", side);
        arithmetics.insert(text_at(manifest, path.c_str()));
        is_covered = is_covered && !manifest.contains(ordered_json::json_pointer(path + "_covers"));
    }
    if (types.empty()) return "";
    const auto are_among = [&](std::initializer_list<engine::Arithmetic> some) {
        return std::ranges::all_of(arithmetics, [&](const std::string& name) {
            return std::ranges::any_of(some,
                                       [&](engine::Arithmetic each) { return name == engine::traits(each).name; });
        });
    };
    const std::string noise =
        "another rank than F32 at about 10 % of positions and another class at about 3 %, with single KLs off by up to "
        "6 nats";
    if (are_among({engine::Arithmetic::Float32})) {
        return fmt::format("the weights are quantised ({}); products in f32 arithmetic add little noise to that",
                           fmt::join(types, ", "));
    }
    if (is_covered && are_among({engine::Arithmetic::PackedPrecise, engine::Arithmetic::Float32})) {
        return fmt::format(
            "the weights are quantised ({}), in precise arithmetic: on Gemma 3 270M, Q4_K_M gave another rank than F32 "
            "at 0.1 % of 2,337 positions and another class at none",
            fmt::join(types, ", "));
    }
    return fmt::format(
        "the weights are quantised ({}), which adds noise: on Gemma 3 270M, Q4_K_M gave {}. `urial convert MODEL "
        "--type f32 -o FILE` writes the same weights without it; on a CPU with AVX2 `--arithmetic precise` is "
        "nearly free of it where all matrices are Q8_0, Q5_0, Q4_K or Q6_K",
        fmt::join(types, ", "), noise);
}

SummaryContext summary_context(const ordered_json& manifest, const Summary& summary) {
    SummaryContext context;
    const ordered_json identity = manifest.contains("identity") ? manifest["identity"] : ordered_json::object();
    for (const char* name : {"base", "aligned"}) {
        if (!identity.contains(name)) continue;
        (name == std::string_view("base") ? context.base : context.aligned) = describe_side(identity[name]);
    }
    if (std::string warning = quantisation_warning(manifest); !warning.empty())
        context.warnings.push_back(std::move(warning));
    if (summary.positions > 0 && summary.self_agreement.value < kLowSelfAgreement) {
        context.warnings.push_back(fmt::format(
            "self-agreement is only {}: the answers are not what the aligned model would say greedily. Likely causes: "
            "answers of another model or sampled ones, another chat template or system prompt, other weights",
            percent(summary.self_agreement.value)));
    }
    if (const ordered_json::json_pointer path("/vocabulary/left_out");
        identity.contains(path) && identity[path].is_number() && identity[path] > 0) {
        context.warnings.push_back(
            fmt::format("{} token ids are not the same in both vocabularies and were left out", identity[path].dump()));
    }
    if (summary.infinite_kl > 0) {
        context.warnings.push_back(
            fmt::format("the KL is infinite at {} positions, which its means leave out", summary.infinite_kl));
    }
    if (summary.bounds && summary.bounds->infinite_kl > 0) {
        context.warnings.push_back(
            fmt::format("the lower bound of the KL is infinite at {} positions, which its means leave out",
                        summary.bounds->infinite_kl));
    }
    if (summary.repeated > 0) {
        context.warnings.push_back(
            fmt::format("{} records stand in the file more than once; each answer counts once", summary.repeated));
    }
    return context;
}

ordered_json as_json(const Summary& summary, const SummaryContext& context) {
    ordered_json json{{"base", context.base},
                      {"aligned", context.aligned},
                      {"warnings", context.warnings},
                      {"answers", summary.answers},
                      {"positions", summary.positions},
                      {"repeated_records", summary.repeated},
                      {"shares", shares_json(summary.shares)},
                      {"kl_ab", interval_json(summary.kl_ab)},
                      {"kl_ab_without_ends", interval_json(summary.kl_without_ends)},
                      {"ends", {{"positions", summary.ends}, {"kl_share", rounded(summary.ends_kl_share)}}},
                      {"infinite_kl", summary.infinite_kl},
                      {"self_agreement", interval_json(summary.self_agreement)},
                      {"near_ties", {{"base", summary.near_ties_base}, {"aligned", summary.near_ties_aligned}}}};
    if (summary.bounds) {
        json["bounds"] = {{"positions", summary.bounds->positions},
                          {"kl_ab_lower_bound", interval_json(summary.bounds->kl_ab_lower)},
                          {"kl_ab_lower_bound_without_ends", interval_json(summary.bounds->kl_lower_without_ends)},
                          {"infinite_kl", summary.bounds->infinite_kl},
                          {"tv_lower_bound", interval_json(summary.bounds->tv_lower)},
                          {"tv_upper_bound", interval_json(summary.bounds->tv_upper)}};
    }
    for (const char* list : {"bins", "tokens", "groups", "answers_by_shift", "tags"})
        json[list] = ordered_json::array();
    for (const PositionBin& bin : summary.bins) {
        json["bins"].push_back(
            {{"begin", bin.begin},
             {"end", bin.end == 0 ? ordered_json() : ordered_json(bin.end)},
             {"positions", bin.positions},
             {"shares", shares_json(bin.shares)},
             {"kl_ab_without_ends", bin.kl_without_ends ? interval_json(*bin.kl_without_ends) : ordered_json()},
             {"base_rank_50", interval_json(bin.base_rank)},
             {"base_prob", interval_json(bin.base_prob)}});
        if (bin.kl_lower_without_ends) {
            json["bins"].back()["kl_ab_lower_bound_without_ends"] = interval_json(*bin.kl_lower_without_ends);
        }
    }
    for (const TokenShift& token : summary.tokens) {
        json["tokens"].push_back({{"id", token.token},
                                  {"piece", token.piece},
                                  {"group", name(token.group)},
                                  {"count", token.count},
                                  {"shifted", token.shifted}});
    }
    for (const GroupShift& group : summary.groups) {
        json["groups"].push_back({{"group", name(group.group)}, {"count", group.count}, {"shifted", group.shifted}});
    }
    for (const AnswerShift& answer : summary.answers_by_shift) {
        json["answers_by_shift"].push_back({{"id", answer.id},
                                            {"positions", answer.positions},
                                            {"shifted", rounded(answer.shifted)},
                                            {"kl_ab", rounded(answer.kl_ab)}});
    }
    for (const TagShift& tag : summary.tags) {
        json["tags"].push_back({{"tag", tag.tag},
                                {"answers", tag.answers},
                                {"positions", tag.positions},
                                {"shares", shares_json(tag.shares)},
                                {"kl_ab", interval_json(tag.kl_ab)}});
    }
    if (summary.original) {
        ordered_json& original = json["original"] = {{"shares", shares_json(summary.original->shares)}};
        for (std::size_t i = 0; i < kOriginalNames.size(); ++i)
            original[std::string(kOriginalNames[i])] = interval_json(summary.original->means[i]);
    }
    return json;
}

std::string headline(const Summary& summary, const SummaryContext& context) {
    std::string text = "# Token-distribution shift";
    if (!context.label.empty()) text += ": " + as_text(context.label, 200);
    text += "\n\n";
    text += fmt::format("- base: {}\n- aligned: {}\n", as_text(context.base, 200), as_text(context.aligned, 200));
    text += divergence_lines(summary);
    text += ends_line(summary);
    text += fmt::format("- self-agreement (the token is the aligned model's first choice): {}\n",
                        percent(summary.self_agreement));
    text += fmt::format("- near-ties (two best tokens within {} nats): base {}, aligned {}\n", kNearTie,
                        summary.near_ties_base, summary.near_ties_aligned);
    for (const std::string& warning : context.warnings) text += "- warning: " + escaped_markdown(warning) + "\n";
    return text + "\n" + class_table(summary);
}

std::string as_markdown(const Summary& summary, const SummaryContext& context, std::size_t most_rows) {
    std::string text = headline(summary, context);
    text += along_the_answer(summary);
    text += "## What is shifted\n\n" + group_table(summary) + token_table(summary, most_rows);
    text += "## Most and least shifted answers\n\n" + answer_table(summary, most_rows);
    if (!summary.tags.empty()) text += "## By tag\n\n" + tag_table(summary);
    if (summary.original) {
        text += "## The original analysis' measures\n\n" + original_table(*summary.original) +
                "Of the first 30 tokens of both models, by text; classes by the aligned model's first choice.\n\n";
    }
    text += "Intervals are 95 %, bootstrapped over answers.\n";
    return text;
}

}  // namespace urial::shift
