# Every dependency of urial, pinned, in this one file. A package that find_package knows is taken; otherwise the
# pinned source is fetched. The fetched form is meant for systems without these packages; it is untested.
include(FetchContent)

set(URIAL_FMT_TAG 9.1.0)
set(URIAL_JSON_TAG v3.11.2)
set(URIAL_CLI11_TAG v2.1.2)
set(URIAL_TOMLPLUSPLUS_TAG v3.3.0)
set(URIAL_GTEST_TAG v1.12.1)

# The inference engine: llama.cpp, from the source distribution of a Python package that carries it whole.
set(URIAL_LLAMA_PACKAGE llama-cpp-python)
set(URIAL_LLAMA_PACKAGE_VERSION 0.3.36)
set(URIAL_LLAMA_SHA256 832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e)
set(URIAL_LLAMA_COMMIT 0c1e57098)  # of llama.cpp, as the package's change log gives it

# urial_dependency(<package> <target> <repository on GitHub> <tag>)
function(urial_dependency package target repository tag)
    find_package(${package} QUIET)
    if(TARGET ${target})
        message(STATUS "urial: ${package} from the system")
        return()
    endif()
    message(STATUS "urial: ${package} ${tag} fetched (not found on the system)")
    string(TOLOWER ${package} name)
    FetchContent_Declare(${name} GIT_REPOSITORY https://github.com/${repository}.git GIT_TAG ${tag} GIT_SHALLOW TRUE)
    FetchContent_MakeAvailable(${name})
endfunction()

urial_dependency(fmt fmt::fmt fmtlib/fmt ${URIAL_FMT_TAG})
urial_dependency(nlohmann_json nlohmann_json::nlohmann_json nlohmann/json ${URIAL_JSON_TAG})
urial_dependency(CLI11 CLI11::CLI11 CLIUtils/CLI11 ${URIAL_CLI11_TAG})
urial_dependency(tomlplusplus tomlplusplus::tomlplusplus marzer/tomlplusplus ${URIAL_TOMLPLUSPLUS_TAG})
if(URIAL_BUILD_TESTS)
    urial_dependency(GTest GTest::gtest google/googletest ${URIAL_GTEST_TAG})
endif()

# System libraries with a stable interface; every platform's package manager has them.
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(CURL REQUIRED)
find_package(ZLIB REQUIRED)
find_path(URIAL_EDIT_INCLUDE_DIR histedit.h)
find_library(URIAL_EDIT_LIBRARY edit)
if(NOT URIAL_EDIT_INCLUDE_DIR OR NOT URIAL_EDIT_LIBRARY)
    message(FATAL_ERROR "libedit was not found: `make deps` installs it (Debian: libedit-dev)")
endif()
find_path(URIAL_UTF8PROC_INCLUDE_DIR utf8proc.h)
find_library(URIAL_UTF8PROC_LIBRARY utf8proc)
if(NOT URIAL_UTF8PROC_INCLUDE_DIR OR NOT URIAL_UTF8PROC_LIBRARY)
    message(FATAL_ERROR "utf8proc was not found: `make deps` installs it (Debian: libutf8proc-dev)")
endif()
