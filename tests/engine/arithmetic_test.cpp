#include <set>
#include <string_view>

#include <gtest/gtest.h>

#include "engine/engine.h"

namespace urial::engine {
namespace {

TEST(Arithmetic, every_kind_stands_in_the_table_once_under_a_name_of_its_own) {
    std::set<std::string_view> names;
    for (const ArithmeticTraits& each : arithmetics()) {
        EXPECT_EQ(&traits(each.arithmetic), &each) << each.name;
        EXPECT_TRUE(names.insert(each.name).second) << each.name;
    }
    EXPECT_EQ(names, (std::set<std::string_view>{"engine", "packed", "precise", "f32"}))
        << "files and users have these names";
}

TEST(Arithmetic, what_is_chosen_serves_the_purpose_and_runs_here) {
    const bool has_own = traits(Arithmetic::Packed).runs_here();
    for (const Purpose purpose : {Purpose::Fast, Purpose::Precise}) {
        for (const int rows : {1, 3, 4, 64}) {
            const ArithmeticTraits& chosen = traits(arithmetic_for(purpose, rows));
            EXPECT_TRUE(chosen.runs_here());
            EXPECT_EQ(chosen.is_precise, has_own && purpose == Purpose::Precise) << rows;
        }
    }
    EXPECT_EQ(arithmetic_for(Purpose::Fast, 1), Arithmetic::Engine) << "one answer is llama.cpp's, to the last digit";
    EXPECT_EQ(traits(arithmetic_for(Purpose::Fast, 16)).is_own, has_own);
}

}  // namespace
}  // namespace urial::engine
