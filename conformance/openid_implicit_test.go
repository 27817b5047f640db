package conformance

// implicitPlan is oidcc-implicit-certification-test-plan.
func implicitPlan() plan {
	return plan{name: "oidcc-implicit-certification-test-plan", variants: []variant{{"id_token", ""}, {"id_token token", ""}}, modules: coreModules()}
}
