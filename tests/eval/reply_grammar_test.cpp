#include "eval/reply_grammar.h"

#include "eval/rubric.h"
#include "eval_testing.h"

namespace urial::eval {
namespace {

TEST(ReplyGrammar, an_object_has_its_keys_in_order_and_one_space_after_colon_and_comma) {
    const Json schema = Json::parse(R"({"type": "object", "properties": {
        "a": {"enum": ["A", "B", "tie"]}, "b": {"enum": [1, 2, "N/A"]}}})");
    EXPECT_EQ(reply_grammar(schema),
              R"gbnf(root ::= "{\"a\": " ("\"A\"" | "\"B\"" | "\"tie\"") ", \"b\": " ("1" | "2" | "\"N/A\"") "}")gbnf"
              "\n");
}

TEST(ReplyGrammar, texts_are_bounded_lines_without_control_characters) {
    const std::string grammar = reply_grammar(Json::parse(R"({"type": "string"})"), {.text_characters = 80});
    EXPECT_EQ(grammar,
              "root ::= text\n"
              R"gbnf(text ::= "\"" character{1,80} "\"")gbnf"
              "\n"
              R"gbnf(character ::= [^"\\\x00-\x1F\x7F-\x9F] | "\\" ["\\/bfnrt])gbnf"
              "\n");
}

TEST(ReplyGrammar, a_list_never_says_a_label_twice) {
    const Json schema = Json::parse(R"({"type": "array", "minItems": 1, "items": {"enum": ["x", "y", "z"]}})");
    EXPECT_EQ(reply_grammar(schema, {.list_labels = 2}),
              R"gbnf(root ::= "[" labels-1 "]"
labels-1-0 ::= "\"y\"" | "\"z\""
labels-1-1 ::= "\"x\"" | "\"z\""
labels-1-2 ::= "\"x\"" | "\"y\""
labels-1 ::= "\"x\"" (", " labels-1-0)? | "\"y\"" (", " labels-1-1)? | "\"z\"" (", " labels-1-2)?
)gbnf");
}

TEST(ReplyGrammar, keys_of_any_text_are_escaped_twice) {
    const Json schema = Json::parse(R"({"type": "object", "properties": {"say \"\\\n": {"enum": [1]}}})");
    EXPECT_NE(reply_grammar(schema).find(R"("{\"say \\\"\\\\\\n\": ")"), std::string::npos) << reply_grammar(schema);
}

TEST(ReplyGrammar, every_built_in_rubric_has_one) {
    for (const std::string& name : builtin_rubrics()) {
        const std::string grammar = reply_grammar(reply_schema(load_rubric(name)));
        EXPECT_TRUE(grammar.starts_with("root ::= \"{\\\"")) << name;
    }
}

TEST(ReplyGrammar, what_replies_never_have_is_refused_by_name) {
    const auto message = [](const char* schema) { return message_of([&] { reply_grammar(Json::parse(schema)); }); };
    EXPECT_NE(message(R"({"type": "number"})").find("\"number\""), std::string::npos);
    EXPECT_NE(message(R"({"type": "object", "properties": {"depth": {"type": "array"}}})").find("depth"),
              std::string::npos);
    EXPECT_NE(message(R"({"enum": []})").find("must list values"), std::string::npos);
    EXPECT_NE(message_of([] {
                  reply_grammar(Json{{"type", "string"}}, {.text_characters = 0});
              }).find("1 to 1000"),
              std::string::npos);
}

}  // namespace
}  // namespace urial::eval
