// Package bootstrap is what every cluster has before anybody has asked for anything: its first namespaces, and the service under which
// pods reach the API server.
//
// # The problem
//
// Objects are made by requests; but the first request needs a namespace, and a pod that is to make requests needs an address.
//
// # The idea
//
// [Objects] says what these objects are. The API server makes them itself, and again when somebody deletes them.
package bootstrap
