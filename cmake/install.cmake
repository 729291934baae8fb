# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where, and the Debian package that cpack makes of it.
include(GNUInstallDirs)
set(LIVECTR_ZSH_DIR ${CMAKE_INSTALL_DATADIR}/zsh/site-functions CACHE STRING "Where zsh looks for completions")
set(LIVECTR_UNIT_DIR lib/systemd/system CACHE STRING "Where systemd looks for units")
set(LIVECTR_SYSUSERS_DIR lib/sysusers.d CACHE STRING "Where systemd-sysusers looks for users")

install(TARGETS livectr RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES packaging/livectr.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES packaging/completion/livectr.bash RENAME livectr
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES packaging/completion/_livectr DESTINATION ${LIVECTR_ZSH_DIR})
install(FILES packaging/livectr.sysusers RENAME livectr.conf DESTINATION ${LIVECTR_SYSUSERS_DIR})
install(FILES README.md CHANGELOG.md LICENSE openapi.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY packaging/prometheus packaging/grafana packaging/nginx packaging/haproxy packaging/kubernetes
        packaging/docker DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

# The unit names the program and its settings by where they are.
file(READ packaging/livectr.service unit)
string(REPLACE "/usr/local/bin/" "${CMAKE_INSTALL_FULL_BINDIR}/" unit "${unit}")
string(REPLACE "/etc/livectr/" "${CMAKE_INSTALL_FULL_SYSCONFDIR}/livectr/" unit "${unit}")
file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/generated/livectr.service CONTENT "${unit}")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS packaging/livectr.service)
install(FILES ${PROJECT_BINARY_DIR}/generated/livectr.service DESTINATION ${LIVECTR_UNIT_DIR})

# Settings that are there already are somebody's.
install(CODE "
  set(to \"${CMAKE_INSTALL_FULL_SYSCONFDIR}/livectr\") # below DESTDIR, which file(INSTALL) adds itself
  if(NOT EXISTS \"\$ENV{DESTDIR}\${to}/livectr.conf\")
    file(INSTALL \"${PROJECT_SOURCE_DIR}/packaging/livectr.conf\" DESTINATION \"\${to}\")
  else()
    message(STATUS \"Kept: \${to}/livectr.conf\")
  endif()")

# ---- the Debian package: cmake --preset deb, cmake --build --preset deb --target package ----------
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME livectr)
set(CPACK_PACKAGE_VENDOR livectr)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/deb.cmake)
set(CPACK_LIVECTR_SOURCE_DIR ${PROJECT_SOURCE_DIR})
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "livectr maintainers <maintainers@livectr.invalid>")
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "live click-through rates from Kafka, over HTTP")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Reads view and click events of boxes on pages from Kafka, keeps exact
click-through rates over rolling windows of event time in memory, saves
them with their positions in SQLite, and answers over HTTP with JSON,
server-sent events and Prometheus metrics.

The service is not started by the installation: it has to be told first
where Kafka is, in /etc/livectr/livectr.conf.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${PROJECT_SOURCE_DIR}/packaging/deb/conffiles ${PROJECT_SOURCE_DIR}/packaging/deb/postinst
    ${PROJECT_SOURCE_DIR}/packaging/deb/prerm ${PROJECT_SOURCE_DIR}/packaging/deb/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
