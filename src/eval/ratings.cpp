// Where ratings come from: the records of a run, or a file that people filled in.

#include <filesystem>
#include <optional>
#include <utility>

#include "base/error.h"
#include "eval/agreement.h"
#include "generate/item_file.h"

namespace urial::eval {
namespace {

constexpr double value_of(Choice choice) {
    if (choice == Choice::Tie) return 0;
    return choice == Choice::A ? 1 : -1;
}

/// Both orders of a pair become the one in which the generators stand in the alphabet.
void put_in_order(Rating& rating) {
    if (!rating.is_preference || rating.generator <= rating.other) return;
    std::swap(rating.generator, rating.other);
    rating.value = -rating.value;
}

std::string text_of(const Json& json, std::string_view key) {
    const auto found = json.find(key);
    if (found == json.end() || found->is_null()) return {};
    if (found->is_string()) return found->get<std::string>();
    if (found->is_number_integer()) return found->dump();
    throw error(ErrorKind::BadInput, "field \"{}\" is {}, a text is needed", key, found->type_name());
}

int turn_of(const Json& json) {
    const auto found = json.find("turn");
    if (found == json.end() || found->is_null()) return 1;
    if (!found->is_number_integer() || found->get<int>() < 1) {
        throw error(ErrorKind::BadInput, "field \"turn\" is {}, a whole number from 1 is needed", found->dump());
    }
    return found->get<int>();
}

double preference_of(const Json& value, const std::string& aspect) {
    if (value == "A") return value_of(Choice::A);
    if (value == "B") return value_of(Choice::B);
    if (value == "tie") return value_of(Choice::Tie);
    throw error(ErrorKind::BadInput, "the preference for {} is {}, \"A\", \"B\" or \"tie\" is needed", aspect,
                value.dump());
}

double score_of(const Json& value, const std::string& aspect) {
    if (value.is_number()) return value.get<double>();
    throw error(ErrorKind::BadInput, "the score of {} is {}, a number is needed (null where there is none)", aspect,
                value.dump());
}

/// One object of a file of ratings: all its aspects.
void read_ratings(const Json& json, std::vector<Rating>& ratings) {
    Rating rating;
    rating.id = text_of(json, "id");
    rating.instruction = text_of(json, "instruction");
    if (rating.id.empty() && rating.instruction.empty()) {
        throw Error(ErrorKind::BadInput, "it has neither \"id\" nor \"instruction\"");
    }
    rating.rater = text_of(json, "rater");
    rating.turn = turn_of(json);
    rating.generator = text_of(json, "generator");
    rating.other = text_of(json, "other");
    bool has_any = false;
    for (const auto& [key, is_preference] : {std::pair{"scores", false}, std::pair{"preferences", true}}) {
        const auto found = json.find(key);
        if (found == json.end() || found->is_null()) continue;
        if (!found->is_object()) {
            throw error(ErrorKind::BadInput, "field \"{}\" is {}, an object is needed", key, found->type_name());
        }
        has_any = true;
        for (const auto& [aspect, value] : found->items()) {
            if (value.is_null() || value == "N/A") continue;
            Rating one = rating;
            one.aspect = aspect;
            one.is_preference = is_preference;
            one.value = is_preference ? preference_of(value, aspect) : score_of(value, aspect);
            put_in_order(one);
            ratings.push_back(std::move(one));
        }
    }
    if (!has_any) throw Error(ErrorKind::BadInput, "it has neither \"scores\" nor \"preferences\"");
}

}  // namespace

std::vector<Rating> ratings_of(std::span<const EvalRecord> records) {
    std::vector<Rating> ratings;
    for (const EvalRecord& record : records) {
        for (const AspectVerdict& entry : record.verdicts) {
            Rating rating{record.judge,
                          entry.aspect,
                          record.item.id,
                          record.item.instruction,
                          record.turn,
                          record.answer.generator,
                          record.other ? record.other->generator : std::string(),
                          0,
                          false};
            if (const auto* score = std::get_if<Score>(&entry.verdict)) {
                rating.value = score->value;
            } else if (const auto* preference = std::get_if<Preference>(&entry.verdict)) {
                rating.value = value_of(preference->choice);
                rating.is_preference = true;
            } else {
                continue;
            }
            put_in_order(rating);
            ratings.push_back(std::move(rating));
        }
    }
    return ratings;
}

std::vector<Rating> load_ratings(const std::filesystem::path& path) {
    if (std::filesystem::is_directory(path)) return ratings_of(load_run(path).records);
    std::vector<Rating> ratings;
    generate::for_each_item(path, [&](generate::FileItem&& item) { read_ratings(item.fields, ratings); });
    if (ratings.empty()) throw error(ErrorKind::BadInput, "{}: it holds no rating", path.string());
    return ratings;
}

}  // namespace urial::eval
