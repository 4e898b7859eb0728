#include "eval/verdict.h"

#include <functional>
#include <random>

#include "eval_testing.h"

namespace urial::eval {
namespace {

constexpr int kSeeds = 50;

/// A well-formed reply to just-eval with random scores and awkward reasons, to be spoilt in one way.
struct Draft {
    explicit Draft(unsigned seed) : random(seed) {
        static const std::vector<std::string> reasons{"fine",
                                                      "it says {this} and {that}",
                                                      "quotes \"so\" and \\ backslashes",
                                                      "two\nlines",
                                                      "gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80",
                                                      "a } brace and a { brace",
                                                      "```code```",
                                                      "score: 11/10 [[5]]",
                                                      ""};
        for (const RubricAspect& aspect : rubric.aspects) {
            const int score = static_cast<int>(random() % 5) + 1;
            scores.push_back(score);
            json[aspect.name] = Json{{"reason", reasons[random() % reasons.size()]}, {"score", score}};
        }
        victim = rubric.aspects[random() % rubric.aspects.size()].name;
    }
    /// With one aspect's score replaced.
    std::string with_score(const Json& value) {
        json[victim]["score"] = value;
        return text();
    }
    std::string text() const { return json.dump(random_indent); }
    std::string with_text_replaced(const std::string& from, const std::string& to) const {
        std::string reply = text();
        const std::size_t at = reply.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return reply.replace(at, from.size(), to);
    }

    Rubric rubric = load_rubric("just-eval");
    std::mt19937 random;
    Json json = Json::object();
    std::vector<int> scores;
    std::string victim;
    int random_indent = 2;
};

enum class Reach { Nothing, Victim, Everything };

struct Kind {
    std::string name;
    std::function<std::string(Draft&)> reply;
    Reach reach;                                    ///< how much of the reply is lost
    UnscoredReason reason = UnscoredReason::Empty;  ///< why, where something is
};

const std::vector<Kind>& kinds() {
    static const std::vector<Kind> all{
        {"plain", [](Draft& d) { return d.text(); }, Reach::Nothing},
        {"one line", [](Draft& d) { return d.json.dump(); }, Reach::Nothing},
        {"fenced", [](Draft& d) { return "```json\n" + d.text() + "\n```"; }, Reach::Nothing},
        {"bare fence", [](Draft& d) { return "```\n" + d.text() + "\n```\n"; }, Reach::Nothing},
        {"prose before", [](Draft& d) { return "Sure! Here is my verdict:\n" + d.text(); }, Reach::Nothing},
        {"prose after", [](Draft& d) { return d.text() + "\n\nI hope this helps."; }, Reach::Nothing},
        {"white space around", [](Draft& d) { return "\r\n\t " + d.text() + " \n\n"; }, Reach::Nothing},
        {"thoughts before", [](Draft& d) { return "<think>maybe {\"a\": 1}?</think>\n" + d.text(); }, Reach::Nothing},
        {"score as digits", [](Draft& d) { return d.with_score(std::to_string(d.json[d.victim]["score"].get<int>())); },
         Reach::Nothing},
        {"score as 4.0", [](Draft& d) { return d.with_score(d.json[d.victim]["score"].get<double>()); },
         Reach::Nothing},
        {"empty", [](Draft&) { return ""; }, Reach::Everything, UnscoredReason::Empty},
        {"only white space", [](Draft&) { return " \n\t\n"; }, Reach::Everything, UnscoredReason::Empty},
        {"refusal", [](Draft&) { return "I'm sorry, but I can't judge this."; }, Reach::Everything,
         UnscoredReason::Refusal},
        {"refusal, curly quote", [](Draft&) { return "I\xE2\x80\x99m unable to help with that."; }, Reach::Everything,
         UnscoredReason::Refusal},
        {"prose only", [](Draft&) { return "Helpfulness: 5, clarity: 4, the rest is fine."; }, Reach::Everything,
         UnscoredReason::NoObject},
        {"bare number", [](Draft&) { return "5"; }, Reach::Everything, UnscoredReason::NoObject},
        {"truncated", [](Draft& d) { return d.text().substr(0, d.text().size() - 1 - d.random() % 20); },
         Reach::Everything, UnscoredReason::Truncated},
        {"unfinished thoughts", [](Draft& d) { return "<think>" + d.text(); }, Reach::Everything,
         UnscoredReason::Truncated},
        {"two objects", [](Draft& d) { return d.text() + "\n" + d.text(); }, Reach::Everything,
         UnscoredReason::SeveralObjects},
        {"template and answer", [](Draft& d) { return "{\"form\": 1} becomes " + d.text(); }, Reach::Everything,
         UnscoredReason::SeveralObjects},
        {"array of one", [](Draft& d) { return "[" + d.text() + "]"; }, Reach::Everything, UnscoredReason::NotAnObject},
        {"single quotes", [](Draft& d) { return d.with_text_replaced("\"helpfulness\"", "'helpfulness'"); },
         Reach::Everything, UnscoredReason::InvalidJson},
        {"trailing comma",
         [](Draft& d) {
             std::string t = d.text();
             t.insert(t.size() - 1, ",");
             return t;
         },
         Reach::Everything, UnscoredReason::InvalidJson},
        {"comment", [](Draft& d) { return d.with_text_replaced("{", "{ // scores\n"); }, Reach::Everything,
         UnscoredReason::InvalidJson},
        {"NaN", [](Draft& d) { return d.with_text_replaced("\"score\": ", "\"score\": NaN, \"x\": "); },
         Reach::Everything, UnscoredReason::InvalidJson},
        {"huge number", [](Draft& d) { return d.with_text_replaced("\"score\": ", "\"score\": 1e999, \"x\": "); },
         Reach::Everything, UnscoredReason::InvalidJson},
        {"a key twice", [](Draft& d) { return d.with_text_replaced("\"score\": ", "\"score\": 1, \"score\": "); },
         Reach::Everything, UnscoredReason::InvalidJson},
        {"a wrong key", [](Draft& d) { return d.with_text_replaced("\"clarity\"", "\"Clarity\""); }, Reach::Everything,
         UnscoredReason::WrongKeys},
        {"a missing aspect",
         [](Draft& d) {
             d.json.erase(d.victim);
             return d.text();
         },
         Reach::Everything, UnscoredReason::WrongKeys},
        {"an aspect too many",
         [](Draft& d) {
             d.json["safety"] = d.json[d.victim];
             return d.text();
         },
         Reach::Everything, UnscoredReason::WrongKeys},
        {"wrapped once more",
         [](Draft& d) {
             return Json{{"result", d.json}}.dump();
         },
         Reach::Everything, UnscoredReason::WrongKeys},
        {"ANSI colours", [](Draft& d) { return "\x1b[32m" + d.text() + "\x1b[0m"; }, Reach::Everything,
         UnscoredReason::NotText},
        {"not UTF-8", [](Draft& d) { return d.text() + "\xC3"; }, Reach::Everything, UnscoredReason::NotText},
        {"a NUL byte", [](Draft& d) { return d.text() + std::string(1, '\0'); }, Reach::Everything,
         UnscoredReason::NotText},
        {"score 11/10", [](Draft& d) { return d.with_score("11/10"); }, Reach::Victim, UnscoredReason::NotANumber},
        {"score in words", [](Draft& d) { return d.with_score("five"); }, Reach::Victim, UnscoredReason::NotANumber},
        {"score as NaN text", [](Draft& d) { return d.with_score("NaN"); }, Reach::Victim, UnscoredReason::NotANumber},
        {"score with a sign", [](Draft& d) { return d.with_score("+4"); }, Reach::Victim, UnscoredReason::NotANumber},
        {"score with a space", [](Draft& d) { return d.with_score("4 "); }, Reach::Victim, UnscoredReason::NotANumber},
        {"full-width digit", [](Draft& d) { return d.with_score("\xEF\xBC\x95"); }, Reach::Victim,
         UnscoredReason::NotANumber},
        {"placeholder left", [](Draft& d) { return d.with_score("[whole number from 1 to 5]"); }, Reach::Victim,
         UnscoredReason::NotANumber},
        {"score 11", [](Draft& d) { return d.with_score(11); }, Reach::Victim, UnscoredReason::OutOfRange},
        {"score 0", [](Draft& d) { return d.with_score(0); }, Reach::Victim, UnscoredReason::OutOfRange},
        {"score -1", [](Draft& d) { return d.with_score(-1); }, Reach::Victim, UnscoredReason::OutOfRange},
        {"score 4.5", [](Draft& d) { return d.with_score(4.5); }, Reach::Victim, UnscoredReason::OutOfRange},
        {"score null", [](Draft& d) { return d.with_score(nullptr); }, Reach::Victim, UnscoredReason::WrongType},
        {"score true", [](Draft& d) { return d.with_score(true); }, Reach::Victim, UnscoredReason::WrongType},
        {"score in a list", [](Draft& d) { return d.with_score(Json::array({5})); }, Reach::Victim,
         UnscoredReason::WrongType},
        {"N/A where not allowed",
         [](Draft& d) {
             d.victim = "depth";
             return d.with_score("N/A");
         },
         Reach::Victim, UnscoredReason::NotApplicable},
        {"aspect as bare number",
         [](Draft& d) {
             d.json[d.victim] = 5;
             return d.text();
         },
         Reach::Victim, UnscoredReason::WrongType},
        {"no reason",
         [](Draft& d) {
             d.json[d.victim].erase("reason");
             return d.text();
         },
         Reach::Victim, UnscoredReason::WrongKeys},
        {"reason not a text",
         [](Draft& d) {
             d.json[d.victim]["reason"] = 4;
             return d.text();
         },
         Reach::Victim, UnscoredReason::WrongType},
    };
    return all;
}

TEST(Verdict, each_kind_of_reply_lands_where_the_documentation_says) {
    ASSERT_GE(kinds().size(), 40U);
    for (const Kind& kind : kinds()) {
        for (unsigned seed = 0; seed < kSeeds; ++seed) {
            Draft draft(seed);
            const std::string reply = kind.reply(draft);
            const auto verdicts = parse_reply(draft.rubric, reply);
            ASSERT_EQ(verdicts.size(), draft.scores.size());
            EXPECT_EQ(is_unscored(verdicts), kind.reach != Reach::Nothing) << kind.name << '\n' << reply;
            for (std::size_t i = 0; i < verdicts.size(); ++i) {
                const bool lost = kind.reach == Reach::Everything ||
                                  (kind.reach == Reach::Victim && verdicts[i].aspect == draft.victim);
                const auto* score = std::get_if<Score>(&verdicts[i].verdict);
                const auto* unscored = std::get_if<Unscored>(&verdicts[i].verdict);
                if (lost) {
                    ASSERT_NE(unscored, nullptr) << kind.name << ", seed " << seed << '\n' << reply;
                    EXPECT_EQ(name(unscored->reason), name(kind.reason)) << kind.name << '\n' << reply;
                } else {
                    ASSERT_NE(score, nullptr) << kind.name << ", seed " << seed << '\n' << reply;
                    EXPECT_EQ(score->value, draft.scores[i]) << kind.name << '\n' << reply;
                }
            }
        }
    }
}

TEST(Verdict, not_applicable_is_kept_apart_where_the_rubric_allows_it) {
    Draft draft(1);
    draft.victim = "factuality";
    const auto verdicts = parse_reply(draft.rubric, draft.with_score("N/A"));
    EXPECT_TRUE(std::holds_alternative<NotApplicable>(verdicts[2].verdict));
    EXPECT_FALSE(is_unscored(verdicts));
}

TEST(Verdict, an_object_inside_a_list_or_beside_another_brace_is_no_verdict) {
    const Draft draft(1);
    const auto reason = [&](const std::string& reply) {
        return std::get<Unscored>(parse_reply(draft.rubric, reply)[0].verdict).reason;
    };
    const std::string object = draft.json.dump();
    EXPECT_EQ(reason("[\"x\", " + object + ", \"y\"]"), UnscoredReason::NotAnObject);
    EXPECT_EQ(reason("[\"x\", " + object), UnscoredReason::NotAnObject);
    EXPECT_EQ(reason(object + "}"), UnscoredReason::SeveralObjects);
    EXPECT_EQ(reason("} " + object), UnscoredReason::SeveralObjects);
    EXPECT_FALSE(is_unscored(parse_reply(draft.rubric, "As asked [1]: " + object + " [end]")));
}

TEST(Verdict, a_flat_rubric_reads_the_aspects_own_object_with_its_own_word_for_a_tie) {
    Rubric rubric;
    rubric.kind = &pairwise_kind();
    rubric.aspects = {{"overall", "", {}, false, false}};
    rubric.flat = true;
    rubric.tie = "same";
    const auto read = [&](std::string_view reply) { return parse_reply(rubric, reply).front().verdict; };
    EXPECT_EQ(std::get<Preference>(read(R"({"reason": "r", "preference": "same"})")).choice, Choice::Tie);
    EXPECT_EQ(std::get<Preference>(read(R"({"preference": "B", "reason": "r"})")).choice, Choice::B);
    EXPECT_EQ(std::get<Unscored>(read(R"({"reason": "r", "preference": "tie"})")).reason, UnscoredReason::UnknownLabel);
    EXPECT_EQ(std::get<Unscored>(read(R"({"overall": {"reason": "r", "preference": "A"}})")).reason,
              UnscoredReason::WrongKeys);
    EXPECT_EQ(reply_schema(rubric)["properties"]["preference"]["enum"], Json::parse(R"(["A", "B", "same"])"));
}

TEST(Verdict, preferences_are_read_by_letter) {
    const Rubric rubric = load_rubric("pairwise");
    Json json = Json::object();
    for (const RubricAspect& aspect : rubric.aspects) json[aspect.name] = Json{{"reason", "r"}, {"preference", "B"}};
    json["clarity"]["preference"] = "tie";
    json["depth"]["preference"] = "Answer A";
    const auto verdicts = parse_reply(rubric, json.dump());
    EXPECT_EQ(std::get<Preference>(verdicts[0].verdict).choice, Choice::B);
    EXPECT_EQ(std::get<Preference>(verdicts[2].verdict).choice, Choice::Tie);
    EXPECT_EQ(std::get<Unscored>(verdicts[4].verdict).reason, UnscoredReason::UnknownLabel);
}

TEST(Verdict, choices_with_one_rationale_are_read_too) {
    const Rubric rubric = load_rubric("alpaca-eval");
    Json choices = Json::object();
    for (const RubricAspect& aspect : rubric.aspects) choices[aspect.name] = "A";
    Json json{{"rationale", "r"}};
    json["choices"] = choices;
    EXPECT_EQ(std::get<Preference>(parse_reply(rubric, json.dump())[5].verdict).choice, Choice::A);
    EXPECT_EQ(std::get<Unscored>(parse_reply(rubric, choices.dump())[0].verdict).reason, UnscoredReason::WrongKeys);
}

TEST(Verdict, tags_are_known_labels_each_once) {
    const Rubric rubric = load_rubric("tags");
    const auto read = [&](std::string_view task, std::string_view difficulty) {
        return parse_reply(rubric,
                           fmt::format(R"({{"task": {}, "topic": ["stem"], "difficulty": {}}})", task, difficulty));
    };
    EXPECT_EQ(std::get<Labels>(read(R"(["math", "coding"])", R"("easy")")[0].verdict).values,
              (std::vector<std::string>{"math", "coding"}));
    EXPECT_EQ(std::get<Unscored>(read(R"(["math", "math"])", R"("easy")")[0].verdict).reason,
              UnscoredReason::UnknownLabel);
    EXPECT_EQ(std::get<Unscored>(read(R"(["maths"])", R"("easy")")[0].verdict).reason, UnscoredReason::UnknownLabel);
    EXPECT_EQ(std::get<Unscored>(read(R"([])", R"("easy")")[0].verdict).reason, UnscoredReason::UnknownLabel);
    EXPECT_EQ(std::get<Unscored>(read(R"("math")", R"("easy")")[0].verdict).reason, UnscoredReason::WrongType);
    EXPECT_EQ(std::get<Unscored>(read(R"(["math"])", R"(["easy"])")[2].verdict).reason, UnscoredReason::WrongType);
}

TEST(Verdict, a_very_deep_or_very_long_reply_is_only_unread) {
    const Rubric rubric = load_rubric("just-eval");
    const std::string deep = std::string(200'000, '{') + std::string(200'000, '}');
    EXPECT_EQ(std::get<Unscored>(parse_reply(rubric, deep)[0].verdict).reason, UnscoredReason::InvalidJson);
    const auto verdicts = parse_reply(rubric, std::string(1'000'000, 'x'));
    EXPECT_LE(std::get<Unscored>(verdicts[0].verdict).raw.size(), 200U);
}

TEST(Record, every_kind_of_verdict_survives_being_saved) {
    const TemporaryFolder folder;
    EvalRun run;
    EvalRecord record = scored("1", 4.5);
    record.item.task = {"math"};
    record.item.references = {"r"};
    record.other = Answer{"b", {"b2"}, "other"};
    record.verdicts.push_back({"overall", Preference{Choice::Tie, "same \"quality\""}});
    record.verdicts.push_back({"task", Labels{{"x", "y"}}});
    record.verdicts.push_back({"one", Labels{{"x"}}});
    record.verdicts.push_back({"factuality", NotApplicable{"no facts"}});
    record.verdicts.push_back({"depth", Unscored{UnscoredReason::OutOfRange, "11"}});
    record.steering = {"fakes a frame"};
    run.records = {record, scored("2", 3)};
    save_run(folder.path() / "run", run);
    const EvalRun loaded = load_run(folder.path() / "run");
    ASSERT_EQ(loaded.records.size(), 2U);
    EXPECT_EQ(to_json(loaded.records[0]), to_json(record));
    EXPECT_EQ(std::get<Unscored>(loaded.records[0].verdicts[5].verdict).reason, UnscoredReason::OutOfRange);
    EXPECT_EQ(std::get<Labels>(loaded.records[0].verdicts[3].verdict).values, std::vector<std::string>{"x"});
    EXPECT_NE(message_of([&] { save_run(folder.path() / "run", run); }).find("holds a run already"), std::string::npos);
    EXPECT_NE(message_of([&] { load_run(folder.path()); }).find("not a run folder"), std::string::npos);
}

TEST(Words, are_separated_by_white_space_of_any_kind) {
    EXPECT_EQ(count_words(""), 0U);
    EXPECT_EQ(count_words("  one\ttwo\n\nthree "), 3U);
    EXPECT_EQ(count_words("a\xC2\xA0"
                          "b\xE2\x80\x83"
                          "c\xE3\x80\x80"
                          "d"),
              4U)
        << "no-break, em and ideographic space";
    EXPECT_EQ(count_words("gr\xC3\xBC\xC3\x9F dich \xE2\x80\x94 du"), 4U);
    EXPECT_EQ(count_words("zero\xE2\x80\x8Bwidth"), 1U) << "U+200B is not white space";
}

}  // namespace
}  // namespace urial::eval
