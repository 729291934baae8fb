# SPDX-License-Identifier: Apache-2.0
# One interface target carries every flag, so that no file is built with others.
add_library(livectr_flags INTERFACE)
target_compile_definitions(livectr_flags INTERFACE _POSIX_C_SOURCE=200809L)

set(warnings
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion -Wfloat-equal
  -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wundef -Wvla -Wpointer-arith
  -Wcast-qual -Wwrite-strings -Wformat=2 -Wswitch-enum -Wimplicit-fallthrough -Wnull-dereference)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  list(APPEND warnings -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wjump-misses-init
       -Wformat-truncation=2 -Walloca)
elseif(CMAKE_C_COMPILER_ID MATCHES "Clang")
  list(APPEND warnings -Wcomma -Wconditional-uninitialized -Wmissing-variable-declarations
       -Wassign-enum -Wunreachable-code-aggressive -Wextra-semi-stmt)
endif()
if(LIVECTR_SANITIZE)
  # With instrumentation in between, gcc sees null pointers where there are none.
  list(REMOVE_ITEM warnings -Wnull-dereference)
endif()
if(LIVECTR_WERROR)
  list(APPEND warnings -Werror)
endif()
target_compile_options(livectr_flags INTERFACE ${warnings} -g -fno-strict-aliasing
                       -fstack-protector-strong -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)

if(LIVECTR_FAULT_POINTS)
  target_compile_definitions(livectr_flags INTERFACE LIVECTR_FAULT_POINTS)
endif()

if(LIVECTR_SANITIZE)
  target_compile_options(livectr_flags INTERFACE -fsanitize=${LIVECTR_SANITIZE}
                         -fno-sanitize-recover=all -fno-omit-frame-pointer -O1)
  target_link_options(livectr_flags INTERFACE -fsanitize=${LIVECTR_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(livectr_flags INTERFACE -fstack-clash-protection)
  target_compile_definitions(livectr_flags INTERFACE _FORTIFY_SOURCE=2)
  target_link_options(livectr_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
# Asserts stay in every build: what is tested is what is shipped.
string(REPLACE "-O3" "-O2" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
