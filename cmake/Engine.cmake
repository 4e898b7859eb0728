# llama.cpp, in this order: a source folder that the user names (URIAL_LLAMA_DIR), an installed libllama
# (URIAL_SYSTEM_LLAMA=ON), the pinned archive. The archive is verified and unpacked in URIAL_SOURCE_CACHE, outside the
# build folder, so that `make clean` costs no download. ggml's own switches (GGML_CUDA, GGML_METAL, GGML_VULKAN, ...)
# pass through from the command line.
set(URIAL_LLAMA_DIR "" CACHE PATH "Source folder of llama.cpp to build instead of the pinned archive")
option(URIAL_SYSTEM_LLAMA "Link an installed libllama (find_package(llama))" OFF)
set(URIAL_ENGINE_BUILD "" CACHE PATH "Build folder of urial whose compiled llama.cpp is linked instead of compiling it again")

if(DEFINED ENV{XDG_CACHE_HOME} AND NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
    set(urial_default_cache "$ENV{XDG_CACHE_HOME}/urial/sources")
else()
    set(urial_default_cache "$ENV{HOME}/.cache/urial/sources")
endif()
set(URIAL_SOURCE_CACHE "${urial_default_cache}" CACHE PATH "Where verified source archives are kept")

# llama.cpp's CUDA backend does not heed ggml_prec_set_src(): it rounds the columns of a product to whatever is fastest.
# These lines send a product that asks for f32 to cuBLAS (src/engine/device_products.h).
set(urial_f32_asked "op_params[3] == GGML_PREC_F32")
function(urial_keep_f32 file)
    file(READ "${file}" text)
    string(FIND "${text}" "${urial_f32_asked}" found)
    if(NOT found EQUAL -1)
        return()
    endif()
    set(narrow "    if (ggml_cuda_should_use_mmf(src0->type, cc, warp_size, src0->ne, src0->nb, ne11, /*mul_mat_id =*/ false)) {")
    set(fused "    bool use_mul_mat_vec_q = ggml_is_quantized(src0->type) && ")
    foreach(place IN ITEMS narrow fused)
        string(FIND "${text}" "${${place}}" found)
        if(found EQUAL -1)
            message(WARNING "${file} is not as expected: on a GPU this build knows no arithmetic but the engine's")
            return()
        endif()
    endforeach()
    string(REPLACE "${narrow}" "    if (dst->${urial_f32_asked}) {
        ggml_cuda_mul_mat_cublas(ctx, src0, src1, dst);
        return;
    }
${narrow}" text "${text}")
    string(REPLACE "${fused}" "${fused}!(tensor->${urial_f32_asked}) && " text "${text}")
    file(WRITE "${file}" "${text}")
endfunction()

function(urial_unpack_llama result)
    set(folder "${URIAL_SOURCE_CACHE}/llama-${URIAL_LLAMA_PACKAGE_VERSION}")
    string(REPLACE "-" "_" stem "${URIAL_LLAMA_PACKAGE}")
    set(archive "${URIAL_SOURCE_CACHE}/${stem}-${URIAL_LLAMA_PACKAGE_VERSION}.tar.gz")
    file(MAKE_DIRECTORY "${URIAL_SOURCE_CACHE}")
    file(LOCK "${URIAL_SOURCE_CACHE}/lock" GUARD FUNCTION TIMEOUT 600)
    if(NOT EXISTS "${folder}/complete")
        if(NOT EXISTS "${archive}")
            find_package(Python3 COMPONENTS Interpreter REQUIRED)
            message(STATUS "urial: downloading ${URIAL_LLAMA_PACKAGE} ${URIAL_LLAMA_PACKAGE_VERSION} (about a minute)")
            execute_process(
                COMMAND ${Python3_EXECUTABLE} -m pip download --quiet --disable-pip-version-check --no-deps
                        --no-binary :all: --dest "${URIAL_SOURCE_CACHE}"
                        "${URIAL_LLAMA_PACKAGE}==${URIAL_LLAMA_PACKAGE_VERSION}"
                RESULT_VARIABLE failed)
            if(failed OR NOT EXISTS "${archive}")
                message(FATAL_ERROR "The engine's source could not be downloaded with pip. Name a llama.cpp source "
                                    "folder with -DURIAL_LLAMA_DIR=..., or put the archive at ${archive}")
            endif()
        endif()
        file(SHA256 "${archive}" actual)
        if(NOT actual STREQUAL URIAL_LLAMA_SHA256)
            file(REMOVE "${archive}")
            message(FATAL_ERROR "${archive}: sha256 is ${actual}, expected ${URIAL_LLAMA_SHA256}. The file was removed; "
                                "configure again to download it anew")
        endif()
        file(REMOVE_RECURSE "${folder}")
        file(ARCHIVE_EXTRACT INPUT "${archive}" DESTINATION "${folder}")
        file(TOUCH "${folder}/complete")
    endif()
    urial_keep_f32("${folder}/${stem}-${URIAL_LLAMA_PACKAGE_VERSION}/vendor/llama.cpp/ggml/src/ggml-cuda/ggml-cuda.cu")
    set(${result} "${folder}/${stem}-${URIAL_LLAMA_PACKAGE_VERSION}/vendor/llama.cpp" PARENT_SCOPE)
endfunction()

if(URIAL_LLAMA_DIR)
    set(llama_source "${URIAL_LLAMA_DIR}")
    set(URIAL_ENGINE_ORIGIN "from a named source folder")
else()
    urial_unpack_llama(llama_source)
    set(URIAL_ENGINE_ORIGIN "commit ${URIAL_LLAMA_COMMIT}")
endif()
set(URIAL_ENGINE_KEEPS_F32 OFF)
if(NOT URIAL_SYSTEM_LLAMA AND GGML_CUDA AND EXISTS "${llama_source}/ggml/src/ggml-cuda/ggml-cuda.cu")
    file(READ "${llama_source}/ggml/src/ggml-cuda/ggml-cuda.cu" cuda_backend)
    string(FIND "${cuda_backend}" "${urial_f32_asked}" found)
    if(NOT found EQUAL -1)
        set(URIAL_ENGINE_KEEPS_F32 ON)
    endif()
endif()
if(URIAL_SYSTEM_LLAMA)
    find_package(llama REQUIRED)
    set(URIAL_ENGINE_ORIGIN "system libllama")
else()
    if(NOT EXISTS "${llama_source}/include/llama.h")
        message(FATAL_ERROR "${llama_source} is not a llama.cpp source folder: it has no include/llama.h")
    endif()
    include(CpuFeatures)
    set(BUILD_SHARED_LIBS OFF)
    set(LLAMA_BUILD_COMMON OFF CACHE BOOL "" FORCE)
    set(LLAMA_OPENSSL OFF CACHE BOOL "" FORCE)
    # Flash attention over the caches that sessions have; the kernels for quantised caches take minutes to compile.
    set(GGML_CUDA_FA_QUANTS "f16-f16" CACHE STRING "Types of keys and values for which CUDA has flash attention")
    # The engine's own warnings are not ours to mend, and its speed matters in every build type.
    set(LLAMA_ALL_WARNINGS OFF CACHE BOOL "" FORCE)
    set(GGML_ALL_WARNINGS OFF CACHE BOOL "" FORCE)
    if(URIAL_ENGINE_BUILD)
        find_package(Threads REQUIRED)
        find_package(OpenMP)
        include("${URIAL_ENGINE_BUILD}/llama/targets.cmake")
    else()
        add_subdirectory("${llama_source}" "${CMAKE_BINARY_DIR}/llama" EXCLUDE_FROM_ALL)
        # URIAL_ENGINE_BUILD is for engines that need nothing of a GPU's maker.
        get_target_property(engine_parts ggml LINK_LIBRARIES)
        list(FILTER engine_parts INCLUDE REGEX "^ggml-")
        list(REMOVE_ITEM engine_parts ggml-base ggml-cpu)
        if(engine_parts)
            file(REMOVE "${CMAKE_BINARY_DIR}/llama/targets.cmake")
        else()
            export(TARGETS llama ggml ggml-base ggml-cpu FILE "${CMAKE_BINARY_DIR}/llama/targets.cmake")
        endif()
    endif()
endif()

# The Jinja engine for chat templates, and grammars of JSON schemas. An installed libllama does not carry them, so they
# are always built from the source.
set(jinja_folder "${llama_source}/common")
add_library(urial_jinja STATIC EXCLUDE_FROM_ALL
    "${jinja_folder}/jinja/lexer.cpp" "${jinja_folder}/jinja/parser.cpp" "${jinja_folder}/jinja/runtime.cpp"
    "${jinja_folder}/jinja/string.cpp" "${jinja_folder}/jinja/value.cpp"
    "${jinja_folder}/json-schema.cpp" "${jinja_folder}/json-schema-to-grammar.cpp" "${jinja_folder}/trie.cpp"
    "${PROJECT_SOURCE_DIR}/cmake/schema_strings.cpp"
    "${jinja_folder}/json.cpp" "${jinja_folder}/unicode.cpp")
target_include_directories(urial_jinja SYSTEM PUBLIC "${jinja_folder}" PRIVATE
    "${llama_source}/vendor" "${llama_source}/include")
target_compile_options(urial_jinja PRIVATE -w)
target_link_libraries(urial_jinja PRIVATE ggml)
